"""The signed world on real servers: zones furnished, signed, written and served in namespaces.

    client ──veth── top (NSD), tld (Knot), nsd, bind, knot

Both resolvers run in the client's namespace: ours on 127.0.0.1, the peer on 127.0.0.2.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import dns.name

from bench.common import peers
from bench.realworld import software
from bench.signed.catalogue import LENIENT, PLAIN, STRICT, TLD, TOP, Entry, entries
from bench.signed.zone import Zone
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ADDRESSES = {TOP: "45.54.0.1", TLD: "45.54.1.1", PLAIN: "45.54.2.1",
             STRICT: "45.54.3.1", LENIENT: "45.54.4.1"}  # fmt: skip
PROGRAMS = {TOP: software.NSD, TLD: software.KNOT, PLAIN: software.NSD,
            STRICT: software.BIND, LENIENT: software.KNOT}  # fmt: skip
SECURE, INSECURE, BOGUS = "www.a13.nsec.", "www.unsigned.plain.", "www.badsig.nsec."
KIT = """
@ A 192.0.2.1
@ AAAA 2001:db8::1
@ MX 10 mail
@ TXT "v=spf1 -all"
www A 192.0.2.2
www A 192.0.2.3
www AAAA 2001:db8::2
mail A 192.0.2.4
alias CNAME www
alias2 CNAME alias
gone CNAME nothing
empty CNAME ent
loop CNAME pool
pool CNAME loop
self CNAME self
deep.er.ent TXT "below an empty non-terminal"
*.wild A 192.0.2.5
*.wild TXT "wild"
host.wild TXT "no wildcard here"
*.cwild CNAME www
tree DNAME branches
leaf.branches A 192.0.2.6
alias.branches CNAME www
"""
LINKS = f"""
good CNAME {SECURE}
plain CNAME {INSECURE}
bad CNAME {BOGUS}
far CNAME alias2.a8.hash.
lost CNAME nothing.a10.opt.
through CNAME leaf.tree.a13.hash.
*.away CNAME {SECURE}
forest DNAME a15.nsec.
scrub DNAME unsigned.plain.
swamp DNAME badsig.nsec.
"""


class SignedWorld:
    """A running world; `client` is the namespace for resolvers and their clients."""

    def __init__(self, zones: dict[str, Zone], listed: list[Entry], directory: Path) -> None:
        self.zones = zones
        self.entries = listed
        self.directory = directory
        self.client = netns.namespace("client")
        self.hints = peers.write_hints(directory / "root.hints", [("ns.", [ADDRESSES[TOP]])])
        anchored = [entry for entry in listed if entry.anchored or entry.apex == "."]
        self.anchors = [line for entry in anchored for line in _anchors(entry)]


def build(listed: list[Entry]) -> dict[str, Zone]:
    """All zones of *listed*, furnished, delegated and signed."""
    zones = {entry.apex: _furnished(entry) for entry in listed}
    for entry in listed:
        if entry.apex != ".":
            _delegate(zones[entry.apex], _parent(zones, entry.apex), entry)
    for entry in listed:
        if entry.recipe is not None:
            zones[entry.apex].sign(entry.recipe)
    return zones


def _furnished(entry: Entry) -> Zone:
    zone = Zone(dns.name.from_text(entry.apex))
    zone.add("@", "SOA", "ns hostmaster 1 7200 3600 1209600 900")
    zone.add("@", "NS", "ns")
    zone.add("ns", "A", ADDRESSES[entry.site])
    if entry.site in {TOP, TLD} or entry.apex == "plain.":
        kit: Iterable[str] = ()
    else:
        kit = filter(None, (KIT + LINKS).splitlines())
        zone.add("lame", "NS", "ns.lame")
        zone.add("ns.lame", "A", "45.54.9.9")
    for line in (*kit, *entry.more):
        owner, rtype, text = line.split(maxsplit=2)
        zone.add(owner, rtype, text)
    return zone


def _parent(zones: dict[str, Zone], apex: str) -> Zone:
    up = apex.partition(".")[2]
    while up and up not in zones:
        up = up.partition(".")[2]
    return zones[up or "."]


def _delegate(zone: Zone, parent: Zone, entry: Entry) -> None:
    nameserver = zone.name("ns")
    parent.add(zone.apex, "NS", str(nameserver))
    parent.add(nameserver, "A", ADDRESSES[entry.site])
    if entry.recipe is not None and not entry.anchored:
        for ds in entry.recipe.delegation(zone.apex):
            parent.put(zone.apex, ds)


def _anchors(entry: Entry) -> list[str]:
    assert entry.recipe is not None  # noqa: S101  an anchor is for a signed zone
    apex = dns.name.from_text(entry.apex)
    found = entry.recipe.delegation(apex) or [key.ds(apex) for key in entry.recipe.keys]
    return [f"{apex} 3600 IN DS {ds}" for ds in found]


# --- running -------------------------------------------------------------------------------------


@contextlib.contextmanager
def running(
    listed: list[Entry] | None = None, *, patience_s: float = 60.0
) -> Iterator[SignedWorld]:
    """Build the zones, start every authority, wait until all answer; take it all down after."""
    netns.sweep()
    listed = entries() if listed is None else listed
    zones = build(listed)
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="signed-")))
        directory.chmod(0o755)
        it = SignedWorld(zones, listed, directory)
        stack.enter_context(it.client)
        programs = [
            _start(it, stack, label, number) for number, label in enumerate(ADDRESSES)
            if any(entry.site == label for entry in listed)
        ]  # fmt: skip
        ready = [(it.client, address, 53) for address in {ADDRESSES[e.site] for e in listed}]
        netns.wait_for(ready, programs=programs, patience_s=patience_s)
        yield it


def _start(it: SignedWorld, stack: contextlib.ExitStack, label: str, number: int) -> netns.Program:
    place = stack.enter_context(netns.namespace(label))
    net, address = f"100.66.{number}.", ADDRESSES[label]
    netns.connect(it.client, place, names=(f"s{number}", "net"))
    it.client.ip(f"addr add {net}1/30 dev s{number}", f"route add {address} via {net}2")
    place.ip(f"addr add {net}2/30 dev net", f"route add default via {net}1")
    if PROGRAMS[label] != software.BIND:
        place.ip(f"addr add {address}/32 dev lo")
    site = software.Site(label, PROGRAMS[label], {address})
    folder = it.directory / site.label
    folder.mkdir()
    for entry in it.entries:
        if entry.site == label:
            path = folder / f"{entry.apex}zone"
            path.write_text(it.zones[entry.apex].text())
            site.zones[entry.apex] = path
    return software.start(site, place, folder)
