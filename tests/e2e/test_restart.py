"""A daemon that is killed, and starts again where nobody is left to ask. Loopback only."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rrset
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(120)
NAMES = [f"host{number}.example." for number in range(40)]
GONE = "gone.example."
WRITTEN_S = 2.0
PATIENCE_S = 15.0
SOA = "ns.example. root.example. 1 3600 600 86400 300"


class Authority:
    """Answers for `example.` on loopback as long as it is up; counts what comes all the same."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port: int = self.sock.getsockname()[1]
        self.is_up = True
        self.delay_s = 0.0
        self.asked = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            octets, source = self.sock.recvfrom(4096)
            if not octets:
                return
            self.asked += 1
            if not self.is_up:
                continue
            reply = self._reply(dns.message.from_wire(octets))
            if self.delay_s:
                threading.Timer(self.delay_s, self.sock.sendto, (reply, source)).start()
            else:
                self.sock.sendto(reply, source)

    @staticmethod
    def _reply(query: dns.message.Message) -> bytes:
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        name = query.question[0].name
        is_there = str(name).lower() != GONE
        if is_there and query.question[0].rdtype == 1:
            reply.answer.append(dns.rrset.from_text(name, 600, "IN", "A", "192.0.2.7"))
        else:
            reply.set_rcode(dns.rcode.NOERROR if is_there else dns.rcode.NXDOMAIN)
            reply.authority.append(dns.rrset.from_text("example.", 600, "IN", "SOA", SOA))
        return reply.to_wire()

    def close(self) -> None:
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self.sock.close()


@pytest.fixture
def authority() -> Iterator[Authority]:
    found = Authority()
    yield found
    found.close()


def _free_port() -> int:
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def daemon(
    directory: Path, authority: Authority, *, workers: int = 1, more: str = ""
) -> Iterator[tuple[int, int]]:
    """A daemon that asks *authority*: its port and pid. It is killed at the end, and only so.

    *more*: further tables of its configuration.
    """
    port = _free_port()
    path = directory / "resolver.toml"
    path.write_text(
        f"""
working_directory = "{directory}"
[server]
listen = ["127.0.0.1:{port}"]
user = ""
workers = {workers}
[root]
prime = false
[dnssec]
negative_trust_anchors = ["example."]
[[stub]]
zone = "example."
addresses = ["127.0.0.1:{authority.port}"]
{more}
"""
    )
    command = [sys.executable, "-m", "resolver", "serve", "--config", str(path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        while process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.02)
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGKILL)
        _, said = process.communicate()
        assert "Traceback" not in said


def ask(port: int, name: str) -> dns.message.Message:
    query = dns.message.make_query(name, "A", use_edns=0)
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.settimeout(PATIENCE_S)
        sock.sendto(query.to_wire(), ("127.0.0.1", port))
        return dns.message.from_wire(sock.recv(4096))


def ask_anyone(port: int, name: str) -> dns.message.Message:
    """Over TCP: of several workers now one answers, now another."""
    query = dns.message.make_query(name, "A")
    return dns.query.tcp(query, "127.0.0.1", port=port, timeout=PATIENCE_S)


def addresses(reply: dns.message.Message) -> list[str]:
    return [str(record) for rrset in reply.answer for record in rrset]


def test_what_was_answered_two_seconds_before_a_kill_is_answered_without_a_packet(
    tmp_path: Path, authority: Authority
) -> None:
    """Its server is silent by then. Fresh, with the TTL that is left; denials too."""
    with daemon(tmp_path, authority) as (port, _):
        for name in NAMES:
            assert addresses(ask(port, name)) == ["192.0.2.7"]
        assert ask(port, GONE).rcode() == dns.rcode.NXDOMAIN
        time.sleep(WRITTEN_S)
    authority.is_up = False
    asked = authority.asked
    with daemon(tmp_path, authority) as (port, _):
        for name in NAMES:
            reply = ask(port, name)
            assert addresses(reply) == ["192.0.2.7"]
            assert 500 < reply.answer[0].ttl < 600
        assert ask(port, GONE).rcode() == dns.rcode.NXDOMAIN
    assert authority.asked == asked


def test_kills_at_random_moments_never_leave_a_wrong_answer(
    tmp_path: Path, authority: Authority
) -> None:
    """While it writes, as it starts, in the middle of everything: what it says is right."""
    for round_ in range(8):
        with daemon(tmp_path, authority) as (port, _):
            for name in NAMES[: 5 * (round_ + 1)]:
                assert addresses(ask(port, name)) == ["192.0.2.7"]
            assert ask(port, GONE).rcode() == dns.rcode.NXDOMAIN
            time.sleep(0.9 + 0.05 * round_)
    asked = authority.asked
    authority.is_up = False
    with daemon(tmp_path, authority) as (port, _):
        assert addresses(ask(port, NAMES[0])) == ["192.0.2.7"]
    assert authority.asked == asked
    assert not (tmp_path / "cache" / "store.sqlite.bad").exists()


def test_workers_share_it(tmp_path: Path, authority: Authority) -> None:
    """Whichever of them gets the question: only the first of a name costs a packet."""
    with daemon(tmp_path, authority, workers=2) as (port, _):
        for name in NAMES[:10]:
            ask(port, name)
        time.sleep(WRITTEN_S)
        asked = authority.asked
        for _ in range(4):
            for name in NAMES[:10]:
                assert addresses(ask_anyone(port, name)) == ["192.0.2.7"]
        assert authority.asked == asked
