"""Each resolver takes all that a bench can ask of it, and does as it is told."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import dns.message
import dns.query
import dns.rcode
import pytest

from bench.common import peers, signing
from bench.latency import variants
from resolver.config import load
from tests.simulation import netns

if TYPE_CHECKING:
    from pathlib import Path

KEY = signing.p256_key(1)
ROOT = "192.0.2.53"


def _setup(directory: Path, **more: object) -> peers.Setup:
    return peers.Setup(
        directory=directory,
        hints=peers.write_hints(directory / "hints", [("ns.root.", [ROOT, "2001:db8::53"])]),
        addresses=("127.0.0.1", "::1"),
        anchors=(signing.anchor_text(".", KEY),),
        negative_anchors=("broken.test.",),
        minimises=False,
        **more,  # type: ignore[arg-type]
    )


def test_hints_name_both_families(tmp_path: Path) -> None:
    hints = peers.write_hints(tmp_path / "hints", [("a.root.", ["192.0.2.1", "2001:db8::1"])])
    assert hints.read_text().splitlines() == [
        ". 3600000 NS a.root.",
        "a.root. 3600000 A 192.0.2.1",
        "a.root. 3600000 AAAA 2001:db8::1",
    ]


@pytest.mark.parametrize(("zone", "table"), [("example.com", "stub"), (".", "forward")])
def test_ours_is_told_all_of_it(tmp_path: Path, zone: str, table: str) -> None:
    """Lines of the bench's own may go into any table."""
    extra = "server.workers = 3\ncache.size_octets = 5000000"
    setup = _setup(tmp_path, upstream=peers.Upstream(zone, 5391), extra=extra)
    command = peers.command("ours", setup)
    told = tomllib.loads((tmp_path / "resolver.toml").read_text())
    assert told["server"] == {"listen": ["127.0.0.1:53", "[::1]:53"], "workers": 3}
    assert told[table] == [{"zone": zone, "addresses": ["127.0.0.1:5391"]}]
    assert told["dnssec"]["validate"] is True
    assert told["dnssec"]["negative_trust_anchors"] == ["broken.test."]
    assert told["resolution"] == {"qname_minimisation": False}
    assert (tmp_path / "anchors.txt").read_text().split() == setup.anchors[0].split()
    assert f"PYTHONPATH={peers.PROJECT}" in command
    load.load(tmp_path / "resolver.toml")


def test_nobody_validates_without_an_anchor(tmp_path: Path) -> None:
    setup = peers.Setup(directory=tmp_path)
    for name in peers.present(peers.PROGRAMS):
        peers.command(name, setup)
    assert "dnssec.validate = false" in (tmp_path / "resolver.toml").read_text()


@pytest.mark.netns
@pytest.mark.parametrize("name", variants.STARTERS)
def test_each_starts_with_everything_set(name: str, tmp_path: Path) -> None:
    """And answers a name that its validator is to leave alone: nobody is there, so SERVFAIL."""
    software = name.partition("-")[0]
    if reason := netns.missing(peers.PROGRAMS[software]):
        pytest.skip(reason)
    tmp_path.chmod(0o755)
    with netns.namespace("peer") as place:
        argv = variants.STARTERS[name](_setup(tmp_path))
        program = place.spawn(*argv, log=tmp_path / "log", cwd=tmp_path)
        ready = [(place, "127.0.0.1", 53), (place, "::1", 53)]
        netns.wait_for(ready, programs=[program], patience_s=peers.READY_S)
        with place.entered():
            asked = dns.message.make_query("localhost.", "A")
            reply = dns.query.udp(asked, "127.0.0.1", timeout=10)
        assert reply.rcode() in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.SERVFAIL}
