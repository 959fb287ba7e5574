"""Ten thousand connections opened and dropped, at every stage of the handshake and after it."""

from __future__ import annotations

import os
import re
import socket
import ssl
import struct
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from resolver.protocol.framing import frame
from tests.cli.test_serve import LOCALHOST, free_port
from tests.e2e.test_dot import HOST, serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.test_dot import Served

CONNECTIONS: Final = 10_000
SETTLED_S: Final = 6.0  # more than a handshake has
SLACK: Final = 4  # descriptors: whoever asks for the metrics, or a file being looked at
PER_SECOND: Final = 200  # well below the handshakes that this machine may begin
GROWTH_KB: Final = 4096  # 28 kB a connection would be 280,000
CONTEXT: Final = ssl.create_default_context()
CONTEXT.check_hostname, CONTEXT.verify_mode = False, ssl.CERT_NONE


def _connect(port: int) -> socket.socket:
    return socket.create_connection((HOST, port), timeout=30)


def _reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Hello:
    """The first half of a handshake, by hand."""

    def __init__(self) -> None:
        self.incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.end = CONTEXT.wrap_bio(self.incoming, outgoing)
        self.is_done()
        self.octets = outgoing.read()

    def is_done(self) -> bool:
        try:
            self.end.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True


def _at_once(port: int) -> None:
    _connect(port).close()


def _at_once_by_reset(port: int) -> None:
    _reset(_connect(port))


def _in_the_first_message(port: int) -> None:
    with _connect(port) as sock:
        sock.sendall(Hello().octets[:50])


def _after_the_first_message(port: int) -> None:
    sock = _connect(port)
    sock.sendall(Hello().octets)
    _reset(sock)


def _in_our_answer(port: int) -> None:
    with _connect(port) as sock:
        sock.sendall(Hello().octets)
        sock.recv(100)


def _before_its_last_message(port: int) -> None:
    with _connect(port) as sock:
        hello = Hello()
        sock.sendall(hello.octets)
        while not hello.is_done():
            hello.incoming.write(sock.recv(65_536))


def _after_the_handshake(port: int) -> None:
    CONTEXT.wrap_socket(_connect(port)).close()


def _with_questions_unanswered(port: int) -> None:
    sock = CONTEXT.wrap_socket(_connect(port))
    sock.sendall(frame(LOCALHOST) * 20)
    _reset(sock)


def _in_good_order(port: int) -> None:
    sock = CONTEXT.wrap_socket(_connect(port))
    sock.sendall(frame(LOCALHOST))
    sock.recv(1000)
    sock.unwrap().close()


def _without_tls(port: int) -> None:
    with _connect(port) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")


STAGES: tuple[Callable[[int], None], ...] = (
    _at_once,
    _at_once_by_reset,
    _in_the_first_message,
    _after_the_first_message,
    _in_our_answer,
    _before_its_last_message,
    _after_the_handshake,
    _with_questions_unanswered,
    _in_good_order,
    _without_tls,
)


class Held(NamedTuple):
    """What the daemon holds."""

    rss_kb: int
    descriptors: int
    tasks: float
    connections: float
    handshakes: float


def _held(it: Served, metrics: int) -> Held:
    time.sleep(SETTLED_S)
    process = Path(f"/proc/{it.process.pid}")
    found = re.search(r"VmRSS:\s+(\d+)", (process / "status").read_text())
    assert found is not None
    with urllib.request.urlopen(f"http://{HOST}:{metrics}/metrics", timeout=30) as page:
        text = page.read().decode()
    values = dict(re.findall(r"^resolver_(\w+) (\S+)$", text, re.MULTILINE))
    gauges = ("tasks", "tcp_connections", "tls_handshakes_in_progress")
    descriptors = len(os.listdir(process / "fd"))  # noqa: PTH208  # they come and go
    return Held(int(found[1]), descriptors, *(float(values[name]) for name in gauges))


def _drop(port: int, count: int) -> None:
    """*count* connections, as many at each stage, none of them turned away for its rate."""
    began = time.monotonic()
    for at in range(count):
        time.sleep(max(0.0, began + at / PER_SECOND - time.monotonic()))
        STAGES[at % len(STAGES)](port)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_memory_descriptors_and_tasks_are_back_at_the_start(tmp_path: Path) -> None:
    metrics = free_port()
    head = f'metrics = {{listen = "{HOST}:{metrics}"}}\ncache = {{persist = false}}'
    with serving(tmp_path, head=head) as it:
        _drop(it.port, CONNECTIONS // 10)  # what is made once is made
        before = _held(it, metrics)
        _drop(it.port, CONNECTIONS)
        after = _held(it, metrics)
    assert after.tasks == before.tasks
    assert after.connections == after.handshakes == 0
    assert after.descriptors <= before.descriptors + SLACK
    assert after.rss_kb - before.rss_kb < GROWTH_KB
