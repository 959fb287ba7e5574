"""DNS over QUIC with dnspython's clients, against the daemon as it is started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dns.asyncquery
import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.quic
import dns.rcode
import pytest
import trio
from dns.quic._common import UnexpectedEOF

from tests.daemon.test_certificates import Files
from tests.e2e.lab_daemon import Served, serving
from tests.e2e.test_dot import ADDRESS, HOST, PATIENCE_S, command

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [  # dnspython's client without an event loop forgets to close its own pipe
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
GONE = (OSError, UnexpectedEOF, dns.exception.DNSException)


def ask(
    it: Served,
    name: str = "www.example.com",
    rdtype: str = "A",
    *,
    verify: str | bool = "",
    timeout_s: float = PATIENCE_S,
) -> dns.message.Message:
    padding = dns.edns.GenericOption(dns.edns.OptionType.PADDING, bytes(60))
    query = dns.message.make_query(name, rdtype, want_dnssec=True, options=[padding])
    if verify == "":
        verify = it.authority
    reply: dns.message.Message = dns.query.quic(
        query, HOST, port=it.port, timeout=timeout_s, verify=verify, hostname="localhost"
    )
    return reply


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("doq")) as it:
        yield it


def test_an_answer_that_is_signed_and_padded(daemon: Served) -> None:
    reply = ask(daemon)
    assert ADDRESS in str(reply.answer)
    assert "RRSIG" in str(reply.answer)
    assert reply.flags & dns.flags.AD
    assert reply.wire is not None
    assert len(reply.wire) == 468


def test_what_does_not_exist(daemon: Served) -> None:
    reply = ask(daemon, "nothing.example.com")
    assert reply.rcode() == dns.rcode.NXDOMAIN
    assert "NSEC" in str(reply.authority)


def test_the_certificate_is_verified(daemon: Served) -> None:
    with pytest.raises(GONE):
        ask(daemon, verify=True, timeout_s=3)


def test_many_questions_on_one_connection_under_trio(daemon: Served) -> None:
    names = [f"n{number}.example.com" for number in range(300)]

    manager: Any = dns.quic.TrioQuicManager  # type: ignore[attr-defined]

    async def story() -> list[int]:
        found: list[int] = []

        async def one(connection: object, name: str) -> None:
            query = dns.message.make_query(name, "A")
            reply = await dns.asyncquery.quic(
                query, HOST, port=daemon.port, connection=connection, timeout=PATIENCE_S
            )
            found.append(reply.rcode())

        async with trio.open_nursery() as nursery, manager(nursery, verify_mode=False) as quic:
            connection = quic.connect(HOST, daemon.port)
            with trio.move_on_after(PATIENCE_S):
                async with trio.open_nursery() as asking:
                    for name in names:
                        asking.start_soon(one, connection, name)
            nursery.cancel_scope.cancel()
        return found

    assert trio.run(story) == [dns.rcode.NXDOMAIN] * 300


def test_another_certificate_after_a_reload(tmp_path: Path) -> None:
    """New connections see it, those that are open go on."""
    (tmp_path / "fresh").mkdir()
    files, fresh = Files(tmp_path), Files(tmp_path / "fresh")
    believed, next_believed = str(tmp_path / "ca.pem"), str(tmp_path / "fresh" / "ca.pem")
    files.authority.cert_pem.write_to_path(believed)
    fresh.authority.cert_pem.write_to_path(next_believed)
    head = f'tls = {{certificate = "{files.certificate}", key = "{files.key}"}}'
    with serving(tmp_path, head=head) as it:
        ask(it, verify=believed)
        fresh.certificate.replace(files.certificate)
        fresh.key.replace(files.key)
        it.process.send_signal(signal.SIGHUP)
        _wait_for(it, "reloaded: the certificate")
        with pytest.raises(GONE):
            ask(it, verify=believed, timeout_s=3)
        ask(it, verify=next_believed)


def _wait_for(it: Served, words: str) -> None:
    ends_at = time.monotonic() + PATIENCE_S
    while words not in it.log.read_text():
        assert time.monotonic() < ends_at, it.log.read_text()
        time.sleep(0.05)


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HOST, 0))
        port = taken.getsockname()[1]
        path = tmp_path / "resolver.toml"
        path.write_text(f"""
            working_directory = "{tmp_path}"
            server = {{listen = ["quic://{HOST}:{port}"], user = ""}}
        """)
        done = subprocess.run(
            command("serve", "--lab", "--config", str(path)), capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode != 0
    assert f"{HOST}:{port}" in done.stderr
    assert "another program listens there" in done.stderr
    assert "Traceback" not in done.stderr


def test_who_asked_a_wildcard_is_answered_from_there(tmp_path: Path) -> None:
    """Each reply leaves from the address that was asked: a connected client hears no other."""
    with serving(tmp_path, listen="0.0.0.0") as it:  # noqa: S104
        query = dns.message.make_query("www.example.com", "A")
        reply = dns.query.quic(query, "127.0.0.77", port=it.port, verify=False, timeout=PATIENCE_S)
        assert ADDRESS in str(reply.answer)
        counted = it.counted()
        assert counted["quic_queries_total"] >= 1
        assert counted["quic_faults_total"] == 0


def test_several_workers(tmp_path: Path) -> None:
    with serving(tmp_path, workers=2, lab=False) as it:
        for _ in range(6):
            assert HOST in str(ask(it, "localhost", verify=False).answer)


def test_clients_that_come_and_go_leave_nothing(tmp_path: Path) -> None:
    with serving(tmp_path) as it:
        fds = Path(f"/proc/{it.process.pid}/fd")
        for _ in range(3):
            ask(it)
        time.sleep(1)
        before, open_before = it.counted(), len(os.listdir(fds))  # noqa: PTH208
        for _ in range(8):
            ask(it)
            time.sleep(0.1)
        ends_at = time.monotonic() + PATIENCE_S
        while it.counted()["quic_connections"] and time.monotonic() < ends_at:
            time.sleep(0.5)
        after = it.counted()
        assert (after["quic_connections"], after["quic_bytes"]) == (0, 0)
        assert after["tasks"] <= before["tasks"] + 3, "those of upkeep come and go"
        assert len(os.listdir(fds)) <= open_before + 1  # noqa: PTH208
