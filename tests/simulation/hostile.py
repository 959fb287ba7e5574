"""Zones that are out to make validators work: KeyTrap and its kin, in the virtual Internet.

Everything here is legal to publish; only the amounts are not. What must hold against it stands in
`limits`, section "validation". CVE-2023-50387 (signatures × keys), CVE-2023-50868 (NSEC3 hashes).
"""

from __future__ import annotations

import hashlib
import struct
from itertools import combinations, islice, pairwise
from typing import TYPE_CHECKING

from resolver.lab.signing import ALGORITHM, SHA256, Nsec3, Signer
from resolver.lab.world import ROOT_SERVERS, World
from resolver.lab.zones import Zone
from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.protocol.message import RRset

WORST_NSEC3 = Nsec3(iterations=150, salt=b"\xff" * 255)
DEEP = "x." * 110


class HostileSigner(Signer):
    """Puts *bad* wrong signatures before each good one (or *only_bad* ones), not over its keys.

    *twins* of its key are published too, before the key if it is *hidden* and else behind it.
    """

    def __init__(
        self,
        zone: Zone,
        *,
        wall: float,
        bad: int = 0,
        twins: int = 0,
        only_bad: bool = False,
        hidden: bool = False,
        nsec3: Nsec3 | None = None,
    ) -> None:
        super().__init__(zone, wall=wall, nsec3=nsec3)
        self._bad, self._only_bad = bad, only_bad
        self._real = self.dnskeys.rdatas[0]
        others = tuple(islice(twins_of(self._real), twins))
        rdatas = (*others, self._real) if hidden else (self._real, *others)
        self.dnskeys = self.dnskeys._replace(rdatas=rdatas)

    def ds(self) -> bytes:
        digest = hashlib.sha256(self._zone.apex + self._real).digest()
        return struct.pack("!HBB", self.tag, ALGORITHM, SHA256) + digest

    def sign(self, rrset: RRset) -> RRset:
        good = super().sign(rrset)
        if rrset.rtype == RRType.DNSKEY:
            return good  # a chain that breaks early spares the victim the rest
        (signature,) = good.signatures
        bad = tuple(
            signature[:-2] + (number ^ int.from_bytes(signature[-2:], "big")).to_bytes(2, "big")
            for number in range(1, self._bad + 1)
        )
        return good._replace(signatures=bad if self._only_bad else (*bad, signature))


def twins_of(key: bytes) -> Iterator[bytes]:
    """Other keys with the tag of *key*: two pairs of octets of the sum exchanged (RFC 4034 B)."""
    for one, other in combinations(range(4, len(key) - 1, 2), 2):
        if key[one : one + 2] != key[other : other + 2]:
            twin = bytearray(key)
            twin[one : one + 2], twin[other : other + 2] = (
                key[other : other + 2],
                key[one : one + 2],
            )
            yield bytes(twin)


class HostileWorld:
    """A root, an honest zone and evil ones below it; `zone` makes them, `finish` signs the rest."""

    def __init__(self, *, wall: float) -> None:
        self.wall = wall
        self.world = World()
        self.root = self.world.zone(".")
        for nameserver, hosts in ROOT_SERVERS.items():
            self.world.serve(self.root, nameserver, *hosts)
        self._hosts = 0
        self._evil: list[tuple[Zone, dict[str, object], tuple[bytes, ...]]] = []
        self.honest = self.zone("honest.")

    def zone(self, apex: str, *, ds: tuple[bytes, ...] = (), **evil: object) -> Zone:
        """A zone on two servers of its own; *evil* goes to its signer, *ds* before its own DS."""
        self._hosts += 1
        made = self.world.zone(apex)
        hosts = f"192.0.2.{self._hosts}", f"198.51.100.{self._hosts}"
        self.world.serve(made, "ns", *hosts)
        self.world.delegate(made)
        made.add_address("www", "192.0.2.250")
        self._evil.append((made, evil, ds))
        return made

    def finish(self) -> World:
        """Sign all, children first; the root honestly."""
        for zone, evil, ds in reversed(self._evil):
            zone.signer = HostileSigner(zone, wall=self.wall, **evil)  # type: ignore[arg-type]
            parent = self.world.parent_of(zone.apex)
            parent.add(zone.apex, RRType.DS, *ds, zone.signer.ds())
        self.world.sign(self.root, wall=self.wall)
        return self.world


def keytrap(wall: float) -> World:
    """CVE-2023-50387: many keys of one tag, and for every RRset many signatures that name it."""
    made = HostileWorld(wall=wall)
    made.zone("evil.", bad=100, twins=60, only_bad=True)
    return made.finish()


def signature_lists(wall: float) -> World:
    """Scores of wrong signatures over the one RRset that is asked for; the keys are fine."""
    made = HostileWorld(wall=wall)
    made.zone("evil.", bad=150)
    return made.finish()


def digest_lists(wall: float) -> World:
    """Dozens of DS records, and dozens of keys that each of them may mean."""
    made = HostileWorld(wall=wall)
    zone = Zone("evil.")
    tag = HostileSigner(zone, wall=wall).tag
    head = struct.pack("!HBB", tag, ALGORITHM, SHA256)
    made.zone(
        "evil.", ds=tuple(head + bytes([n]) * 32 for n in range(1, 41)), twins=60, hidden=True
    )
    return made.finish()


def late_truth(wall: float, *, links: int = 10) -> World:
    """Everything verifies, each RRset at the last try allowed, along aliases from zone to zone."""
    made = HostileWorld(wall=wall)
    for number in range(links):
        made.zone(f"evil{number}.", bad=7)
    zones = [made.zone(f"deep.evil{number}.", bad=7) for number in range(links)]
    for zone, following in pairwise(zones):
        zone.add("next", RRType.CNAME, names.from_text(f"next.{names.to_text(following.apex)}"))
    zones[-1].add_address("next", "192.0.2.251")
    return made.finish()


def closest_encloser(wall: float, nsec3: Nsec3 = WORST_NSEC3) -> World:
    """CVE-2023-50868: the dearest NSEC3 parameters that are still validated, to be asked deeply."""
    made = HostileWorld(wall=wall)
    made.zone("evil.", nsec3=nsec3)
    return made.finish()
