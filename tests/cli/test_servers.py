"""Whom `resolver query` asks: a server by any spelling, or the daemon of this machine alone."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from resolver.cli import servers
from resolver.errors import ConfigError
from resolver.limits import DAEMON_PROBE_SECONDS
from resolver.protocol.chaos_names import DAEMON_TEXT
from resolver.protocol.codes import Rcode, RRClass, RRType
from resolver.protocol.message import Record
from tests.cli.fake_server import reply, serving
from tests.support import set_limit

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.protocol.message import Message


@pytest.fixture(autouse=True)
def _nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver of the machine that runs the tests must not be found."""
    monkeypatch.setattr(servers, "_USUAL", ())


def ours(query: Message, _: str) -> bytes:
    assert (query.qtype, query.qclass) == (RRType.TXT, RRClass.CH)
    return reply(query, Record(query.qname, RRType.TXT, RRClass.CH, 0, DAEMON_TEXT))


def another(query: Message, _: str) -> bytes:
    return reply(query, rcode=Rcode.REFUSED)


def liar(query: Message, _: str) -> bytes:
    return reply(query, Record(query.qname, RRType.TXT, RRClass.CH, 0, b"\x07dnsmasq"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1", ("127.0.0.1", 53)),
        ("127.0.0.1:5300", ("127.0.0.1", 5300)),
        ("127.0.0.1#5300", ("127.0.0.1", 5300)),
        ("::1", ("::1", 53)),
        ("::1#5300", ("::1", 5300)),
        ("[::1]", ("::1", 53)),
        ("[::1]:5300", ("::1", 5300)),
        ("[::1]#5300", ("::1", 5300)),
        ("fe80::1%1", ("fe80::1%1", 53)),
    ],
)
def test_a_server_is_spelt_in_many_ways(text: str, expected: tuple[str, int]) -> None:
    assert servers.named(text) == [expected]


def test_a_port_of_its_own_is_not_overruled() -> None:
    assert servers.named("127.0.0.1", port=99) == [("127.0.0.1", 99)]
    assert servers.named("127.0.0.1:98", port=99) == [("127.0.0.1", 98)]


def test_a_host_is_all_its_addresses() -> None:
    hosts = {host for host, _ in servers.named("localhost")}
    assert hosts <= {"127.0.0.1", "::1"}
    assert hosts


@pytest.mark.parametrize("text", ["", ":53", "[::1", "::1#x", "127.0.0.1#0", "127.0.0.1:65536"])
def test_what_is_no_server_is_told(text: str) -> None:
    with pytest.raises(ConfigError, match="@SERVER"):
        servers.named(text)


def test_the_daemon_is_found_where_the_configuration_listens() -> None:
    with serving(ours) as port:
        found, tried = servers.daemon([f"udp+tcp://0.0.0.0:{port}", "tls://127.0.0.1:853", "?"])
    assert found == ("127.0.0.1", port)
    assert tried == [found]


@pytest.mark.parametrize("says", [another, liar])
def test_another_resolver_is_not_taken_for_ours(says: object) -> None:
    with serving(says) as port:  # type: ignore[arg-type]
        found, _ = servers.daemon([f"127.0.0.1:{port}"])
    assert found is None


def test_the_first_place_is_preferred() -> None:
    with serving(another) as first, serving(ours) as second, serving(ours) as third:
        places = [f"127.0.0.1:{port}" for port in (first, second, third)]
        found, _ = servers.daemon(places)
    assert found == ("127.0.0.1", second)


@pytest.mark.reaches("DAEMON_PROBE_SECONDS")
def test_silence_costs_a_tenth_of_a_second() -> None:
    with serving(lambda *_: None) as mute, serving(ours) as port:
        began = time.monotonic()
        found, _ = servers.daemon([f"127.0.0.1:{mute}", f"127.0.0.1:{port}"])
        took = time.monotonic() - began
    assert found == ("127.0.0.1", port)
    assert DAEMON_PROBE_SECONDS <= took < DAEMON_PROBE_SECONDS + 2


@pytest.mark.reaches("DAEMON_PROBE_SECONDS")
def test_where_nobody_listens_nothing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, servers, "DAEMON_PROBE_SECONDS", 60.0)
    with socket.socket(type=socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.monotonic()
    assert servers.daemon([f"127.0.0.1:{port}", f"[::1]:{port}"])[0] is None
    assert time.monotonic() - began < 30


def test_nothing_is_asked_off_the_machine() -> None:
    """The configuration may have been written for another machine."""
    with ExitStack() as opened:
        assert servers._probe(("192.0.2.1", 53), opened) is None
        assert servers._probe(("2001:db8::1", 53), opened) is None


def test_the_usual_configuration_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "resolver.toml"
    monkeypatch.setattr(servers, "DEFAULT_CONFIG", str(path))
    assert servers.default_listens() == []
    path.write_text("server.listen = ['127.0.0.1:99', 7]\n")
    assert servers.default_listens() == ["127.0.0.1:99"]
    for text in ("server = 7", "[", "server.listen = 7"):
        path.write_text(text)
        assert servers.default_listens() == []
