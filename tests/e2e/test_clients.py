"""Every client people have works against the daemon (issue: the whole path, end to end)."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from bench.realworld import truth
from bench.realworld.sign import dnskey_text
from tests.e2e import daemon
from tests.simulation import netns

if TYPE_CHECKING:
    from pathlib import Path

    from bench.realworld.root_world import RealWorld

pytestmark = pytest.mark.netns


@pytest.fixture(scope="module")
def client(small_world: RealWorld, resolver: netns.Program) -> netns.Namespace:
    """The namespace whose resolv.conf points at the daemon."""
    assert resolver.alive
    small_world.client.resolv_conf("nameserver 127.0.0.1\nnameserver ::1\noptions timeout:5\n")
    return small_world.client


def _addresses(it: RealWorld, name: str, rtype: str = "A") -> set[str]:
    answer = truth.lookup(it.world, name, rtype).answer
    return {rdata for _, kind, rdata in answer if kind == rtype}


def _has_alias(it: RealWorld, name: str) -> bool:
    return any(kind == "CNAME" for _, kind, _ in truth.lookup(it.world, name, "A").answer)


def _words(text: str) -> set[str]:
    return set(text.split())


@pytest.mark.parametrize("server", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
@pytest.mark.parametrize("program", ["dig", "kdig"])
def test_dig_and_kdig(
    small_world: RealWorld, client: netns.Namespace, program: str, transport: str, server: str
) -> None:
    daemon.require(program)
    done = client.run(program, f"@{server}", transport, "+short", "www.facebook.com", "A")
    assert done.returncode == 0, done.stdout + done.stderr
    assert _addresses(small_world, "www.facebook.com.") <= _words(done.stdout)


def test_dig_shows_a_clean_header(client: netns.Namespace) -> None:
    """dig warns about everything that is odd in a reply; here it has nothing to say."""
    daemon.require("dig")
    done = client.run("dig", "google.com", "A")
    assert "status: NOERROR" in done.stdout
    assert re.search(r"flags: qr rd ra( ad)?;", done.stdout)
    assert "WARNING" not in done.stdout


def test_dig_follows_an_alias_into_another_zone(
    small_world: RealWorld, client: netns.Namespace
) -> None:
    daemon.require("dig")
    aliases = [
        name for name in small_world.world.names
        if _has_alias(small_world, "www." + name)
    ]  # fmt: skip
    assert aliases
    for name in aliases[:5]:
        done = client.run("dig", "+short", "www." + name, "A")
        assert _addresses(small_world, "www." + name) <= _words(done.stdout)


def test_dig_gets_nxdomain(client: netns.Namespace) -> None:
    daemon.require("dig")
    done = client.run("dig", "no-such-name.google.com", "A")
    assert "status: NXDOMAIN" in done.stdout
    assert "SOA" in done.stdout


def test_drill(small_world: RealWorld, client: netns.Namespace) -> None:
    """Drill reads resolv.conf itself."""
    daemon.require("drill")
    done = client.run("drill", "youtube.com", "A")
    assert "rcode: NOERROR" in done.stdout, done.stdout + done.stderr
    assert _addresses(small_world, "youtube.com.") <= _words(done.stdout)


def test_delv_validates_what_it_gets(
    small_world: RealWorld, client: netns.Namespace, tmp_path: Path
) -> None:
    """Delv checks the whole chain on its own: DNSKEY, DS and RRSIG must all come through."""
    daemon.require("delv")
    anchors = tmp_path / "anchors"
    flags, protocol, algorithm, key = dnskey_text(".").split()
    anchors.write_text(
        f'trust-anchors {{ "." static-key {flags} {protocol} {algorithm} "{key}"; }};\n'
    )
    done = client.run(
        "delv", "-a", str(anchors), "+root=.", "@127.0.0.1", _secure(small_world), "A"
    )
    assert "; fully validated" in done.stdout, done.stdout + done.stderr
    done = client.run("delv", "-a", str(anchors), "+root=.", "@127.0.0.1", "google.com", "A")
    assert "; unsigned answer" in done.stdout, done.stdout + done.stderr


def _secure(it: RealWorld) -> str:
    return next(name for name in it.world.names if truth.lookup(it.world, name, "A").is_secure)


def test_getent(small_world: RealWorld, client: netns.Namespace) -> None:
    """The C library's own resolver asks A and AAAA at once from one socket."""
    done = client.run("getent", "ahosts", "www.apple.com")
    wanted = _addresses(small_world, "www.apple.com.") | _addresses(
        small_world, "www.apple.com.", "AAAA"
    )
    assert wanted <= _words(done.stdout), done.stdout + done.stderr
    assert client.run("getent", "ahosts", "no-such-name.apple.com").returncode == 2


def test_curl_fetches_by_name(
    small_world: RealWorld, client: netns.Namespace, tmp_path: Path
) -> None:
    daemon.require("curl")
    name = "youtube.com"
    (tmp_path / "hello").write_text("hello from the lab\n")
    address = min(_addresses(small_world, name + "."))
    for one in _addresses(small_world, name + "."):
        client.ip(f"addr add {one}/32 dev lo")
    server = client.spawn(
        sys.executable, "-m", "http.server", "80", "--bind", address,
        "--directory", str(tmp_path), log=tmp_path / "log",
    )  # fmt: skip
    try:
        netns.wait_for([(client, address, 80)], programs=[server], patience_s=10)
        done = client.run("curl", "-sS4", "--max-time", "15", f"http://{name}/hello")
        assert done.stdout == "hello from the lab\n", done.stderr
    finally:
        server.stop()
