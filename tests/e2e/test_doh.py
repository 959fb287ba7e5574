"""DNS over HTTPS with the clients that people use, against the daemon as it is started."""

from __future__ import annotations

import base64
import json
import re
import shutil
import socket
import ssl
import subprocess
import time
from typing import TYPE_CHECKING, NamedTuple

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from tests.e2e.lab_daemon import Served, serving
from tests.e2e.test_dot import ADDRESS, HOST, PATIENCE_S, run
from tests.listen.http2_frames import (
    ENHANCE_YOUR_CALM,
    GOAWAY,
    PING,
    Talker,
    frame,
    frames,
    reset,
    window,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HTTP = {"2": "--http2", "1.1": "--http1.1"}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("doh"), scheme="https", url_path="/dns-query") as it:
        yield it


class Said(NamedTuple):
    """What curl was told."""

    status: str
    fields: dict[str, str]
    body: bytes


def curl(it: Served, *options: str, version: str = "2", path: str = "/dns-query") -> Said:
    if shutil.which("curl") is None:
        pytest.skip("not installed: curl")
    done = subprocess.run(
        ["curl", "-sSi", HTTP[version], "--cacert", it.authority, *options,
         f"https://{HOST}:{it.port}{path}"],
        capture_output=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert first.startswith(f"HTTP/{version} "), (first, done.stderr)
    fields = dict(line.lower().split(": ", 1) for line in lines)
    return Said(first.split()[1], fields, body)


def asked(name: str = "www.example.com", rdtype: str = "A") -> bytes:
    query = dns.message.make_query(name, rdtype, use_edns=0, want_dnssec=True, pad=128)
    query.id = 0
    wire: bytes = query.to_wire()
    return wire


def posted(it: Served, octets: bytes, *, version: str = "2") -> Said:
    body = it.directory / "body"
    body.write_bytes(octets)
    kind = "content-type: application/dns-message"
    return curl(it, "-H", kind, "--data-binary", f"@{body}", version=version)


_ASKED = (("www.example.com", dns.rcode.NOERROR), ("nothing.example.com", dns.rcode.NXDOMAIN))


@pytest.mark.rfc("RFC 8484 §4.1")
@pytest.mark.parametrize("version", HTTP)
@pytest.mark.parametrize("is_post", [True, False])
def test_curl_asks_and_is_answered(daemon: Served, version: str, is_post: bool) -> None:  # noqa: FBT001
    """What is there, what is not, what is signed; padded, since curl's query is."""
    for name, rcode in _ASKED:
        octets = asked(name)
        if is_post:
            said = posted(daemon, octets, version=version)
        else:
            text = base64.urlsafe_b64encode(octets).decode().rstrip("=")
            said = curl(daemon, version=version, path=f"/dns-query?dns={text}")
        reply = dns.message.from_wire(said.body)
        assert (said.status, reply.rcode(), reply.id) == ("200", rcode, 0)
        assert reply.flags & dns.flags.AD
        assert len(said.body) % 468 == 0
        assert said.fields["content-type"] == "application/dns-message"
        assert said.fields["content-length"] == str(len(said.body))
        assert re.fullmatch(r"max-age=[1-9]\d*", said.fields["cache-control"])
        assert "access-control-allow-origin" not in said.fields


def test_curl_resolves_by_it(daemon: Served) -> None:
    """`--doh-url`: curl's own client, which asks for A and AAAA at once."""
    said = run(
        "curl", "-sv", "--doh-url", daemon.url, "--doh-insecure", "--connect-timeout", "1",
        "http://www.example.com:9/",
    )  # fmt: skip
    assert f"Trying {ADDRESS}:9" in said


@pytest.mark.parametrize("version", HTTP)
def test_each_status(daemon: Served, version: str) -> None:
    def status(*options: str, path: str = "/dns-query") -> str:
        return curl(daemon, *options, version=version, path=path).status

    assert status() == "400"
    assert status(path="/dns-query?dns=%21") == "400"
    assert status(path="/resolve?name=..") == "400"
    assert status(path="/else") == "404"
    assert status("-X", "PUT") == "405"
    assert status("-X", "BREW") == "501"
    assert status("-H", "content-type: text/plain", "-d", "x") == "415"
    assert status("-H", f"x: {'a' * 9000}") == "431"
    assert posted(daemon, bytes(70_000), version=version).status == "413"
    assert posted(daemon, b"", version=version).status == "400"
    assert curl(daemon, "-X", "DELETE", version=version).fields["allow"] == "get, head, post"


@pytest.mark.parametrize("version", HTTP)
def test_json_for_people_and_scripts(daemon: Served, version: str) -> None:
    said = curl(daemon, version=version, path="/resolve?name=www.example.com&type=AAAA&do=1")
    found = json.loads(said.body)
    assert (found["Status"], found["AD"]) == (0, True)
    assert [one["type"] for one in found["Answer"]] == [28, 46]
    accepts = ("-H", "accept: application/dns-json")
    said = curl(daemon, *accepts, version=version, path="/dns-query?name=nothing.example.com")
    found = json.loads(said.body)
    assert (found["Status"], found["Authority"][0]["type"]) == (3, 6)
    assert said.fields["content-type"] == "application/dns-json"
    head = curl(daemon, "-I", version=version, path="/resolve?name=www.example.com")
    assert (head.status, head.body) == ("200", b"")


@pytest.mark.parametrize("form", ["+https", "+https-get"])
def test_kdig_asks(daemon: Served, form: str) -> None:
    said = run(
        "kdig", f"@{HOST}", "-p", str(daemon.port), "+https", form, f"+tls-ca={daemon.authority}",
        "+tls-hostname=localhost", "www.example.com",
    )  # fmt: skip
    assert ADDRESS in said
    assert "status: 200" in said
    assert "Received 468 B" in said


def test_h2load_loses_nothing(daemon: Served, tmp_path: Path) -> None:
    """A thousand more than a hundred streams at a time, and no connection is closed for it."""
    body = tmp_path / "query"
    body.write_bytes(asked())
    said = run(
        "h2load", "-n", "3000", "-c", "3", "-m", "50", "-d", str(body), "-H",
        "content-type: application/dns-message", daemon.url,
    )  # fmt: skip
    assert "3000 succeeded, 0 failed, 0 errored, 0 timeout" in said
    assert "3000 2xx" in said


def test_dnsperf_takes_each_of_many_replies(daemon: Served, tmp_path: Path) -> None:
    """It reads one reply of each TLS record."""
    asks = tmp_path / "asked"
    asks.write_text("www.example.com A\n" * 100)
    said = run(
        "dnsperf", "-s", "127.0.0.1", "-p", str(daemon.port), "-m", "doh",
        "-O", "doh-uri=https://localhost/dns-query", "-d", str(asks), "-q", "50", "-n", "5",
    )  # fmt: skip
    assert re.search(r"Queries completed:\s+500 ", said)


def test_dnspython_asks(daemon: Served) -> None:
    believed = ssl.create_default_context(cafile=daemon.authority)
    for post in (True, False):
        query = dns.message.make_query("www.example.com", "A")
        reply = dns.query.https(query, daemon.url, verify=believed, post=post)
        assert ADDRESS in str(reply.answer)


# --- abuse, with everybody else served -----------------------------------------------------------


class Attacker:
    """A client of HTTP/2 on a socket, frame by frame."""

    def __init__(self, it: Served, *alpn: str) -> None:
        context = ssl.create_default_context(cafile=it.authority)
        context.set_alpn_protocols(list(alpn or ("h2",)))
        plain = socket.create_connection((HOST, it.port), timeout=PATIENCE_S)
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        self.talker = Talker()

    def send(self, octets: bytes) -> bool:
        """False once the other end has had enough."""
        try:
            self.socket.sendall(octets)
        except OSError:
            return False
        return True

    def end(self) -> int:
        """The code that the connection is ended with."""
        heard = b""
        try:
            while chunk := self.socket.recv(65_536):
                heard += chunk
        except OSError:
            pass
        self.socket.close()
        size = 0
        while len(heard) - size >= 9:
            more = 9 + int.from_bytes(heard[size : size + 3], "big")
            if len(heard) - size < more:
                break
            size += more
        codes = [one.code for one in frames(heard[:size]) if one.kind == GOAWAY]
        assert codes, "ended without a word"
        return codes[-1]


def rapid_reset(it: Attacker) -> bytes:
    return it.talker.ask(asked("x.example.com")) + reset(it.talker.stream)


def made_you_reset(it: Attacker) -> bytes:
    return it.talker.ask(asked("x.example.com")) + window(it.talker.stream, 0x7FFF_FFFF)


def pings(_: Attacker) -> bytes:
    return frame(PING, body=bytes(8))


def continuations(it: Attacker) -> bytes:
    it.talker.stream += 2
    return frame(1, 0, it.talker.stream) + frame(9, 0, it.talker.stream) * 50


def nothing(it: Attacker) -> bytes:
    return (frame(0, 0, it.talker.stream) if it.talker.stream > 0 else it.talker.head()) * 100


@pytest.mark.parametrize(
    ("attack", "counter"),
    [
        (rapid_reset, "https_ended_resets_total"),
        (made_you_reset, "https_ended_resets_total"),
        (pings, "https_ended_flood_total"),
        (continuations, "https_ended_flood_total"),
    ],
)
def test_an_attack_ends_its_own_connection(daemon: Served, attack: object, counter: str) -> None:
    """With the code that says why; memory stays, and curl is answered meanwhile."""
    before = daemon.counted()[counter]
    for _ in range(3):
        it = Attacker(daemon)
        it.send(it.talker.hello())
        for _ in range(2000):
            if not it.send(attack(it)):  # type: ignore[operator]
                break
        assert posted(daemon, asked()).status == "200"
        assert it.end() == ENHANCE_YOUR_CALM
    assert daemon.counted()[counter] == before + 3


def _rss_kib(it: Served) -> int:
    with open(f"/proc/{it.process.pid}/status") as status:  # noqa: PTH123
        found = re.search(r"VmRSS:\s+(\d+)", status.read())
    assert found is not None
    return int(found[1])


def test_unread_replies_are_bounded(tmp_path: Path) -> None:
    """Forty clients that ask and close their windows, or never read: ten megabytes at most."""
    with serving(tmp_path, scheme="https", url_path="/dns-query") as it:
        posted(it, asked("example.com", "DNSKEY"))
        before = _rss_kib(it)
        attackers = []
        for number in range(40):
            attacker = Attacker(it)
            attackers.append(attacker)
            attacker.send(attacker.talker.hello(**({"s4": 0} if number % 2 else {})))
            many = b"".join(attacker.talker.ask(asked("example.com", "DNSKEY")) for _ in range(90))
            attacker.send(many)
        assert posted(it, asked()).status == "200"
        assert _rss_kib(it) - before < 20_000
        for attacker in attackers:
            attacker.socket.close()
        ends_at = time.monotonic() + PATIENCE_S
        while it.counted()["tcp_connections"] and time.monotonic() < ends_at:
            time.sleep(0.1)
        counted = it.counted()
        assert (counted["tcp_connections"], counted["tcp_unsent_octets"]) == (0, 0)
        assert counted["queries_in_flight"] == 0
