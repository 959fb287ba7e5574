"""Who can be reached in a world, worked out from its description alone: the judge of a SERVFAIL.

Three answers. SURE: a healthy way from the root exists, so SERVFAIL is a fault of the resolver.
MAYBE: the way needs luck or patience (loss, outages, servers that drop EDNS, long detours), so
SERVFAIL is excusable. NO: there is no way. It shares no code with the resolver.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from resolver.lab.faults import canonical
from resolver.lab.world import ROOT_SERVERS
from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from resolver.lab.world import World
    from resolver.lab.zones import Zone
    from resolver.protocol.message import RRset
    from resolver.protocol.names import Name

SLOW_S = 0.25
# More dead ends than this on the way to a zone cost more than a client's patience.
MAX_DEAD_ENDS = 5
# So do more nameservers without glue, counted over all zones that the way may lead through.
MAX_LOOKUPS = 7


class Way(enum.IntEnum):
    NO = 0
    MAYBE = 1
    SURE = 2


class Trust(enum.Enum):
    """What a validator must find of a zone or an answer (RFC 4035 §4.3)."""

    SECURE = "secure"
    INSECURE = "insecure"
    BOGUS = "bogus"


class Oracle:
    """Reachability and trust of the zones of one world; *broken* chains of trust are told."""

    def __init__(self, world: World, *, broken: AbstractSet[Name] = frozenset()) -> None:
        self._world = world
        self._broken = broken
        self._ways: dict[Name, Way] = dict.fromkeys(world.zones, Way.NO)
        self._dead_ends: dict[Name, int] = {}
        self._settle()

    def way(self, qname: Name, answer: tuple[RRset, ...]) -> Way:
        """How surely a question whose true answer is *answer* can be answered."""
        asked = {qname}
        for rrset in answer:
            asked.add(rrset.owner)
            if rrset.rtype == RRType.CNAME:
                asked.add(rrset.rdatas[0])
        return min(self.way_to(name) for name in asked)

    def way_to(self, name: Name) -> Way:
        zone = self._world.zone_above(name)
        return Way.NO if zone is None else self._ways[zone.apex]

    # --- trust -----------------------------------------------------------------------------

    def trust(self, qname: Name, answer: tuple[RRset, ...]) -> Trust:
        """What the client must be told of *answer*: bogus if any link is, secure if all are."""
        found = {self._trust_in(rrset) for rrset in answer if not _is_made(rrset, answer)}
        last = answer[-1] if answer else None
        if last is None or last.rtype == RRType.CNAME:
            name = qname if last is None else last.rdatas[0]
            zone = self._world.zone_above(name)
            found.add(self.trust_in_zone(zone) if zone is not None else Trust.INSECURE)
        for worst in (Trust.BOGUS, Trust.INSECURE):
            if worst in found:
                return worst
        return Trust.SECURE

    def _trust_in(self, rrset: RRset) -> Trust:
        zone = self._world.zone_above(rrset.owner)
        trust = Trust.INSECURE if zone is None else self.trust_in_zone(zone)
        if trust is Trust.SECURE and zone is not None and zone.signer is not None:
            return Trust.BOGUS if rrset.rtype in zone.signer.spoils else trust
        return trust

    def trust_in_zone(self, zone: Zone) -> Trust:
        if zone.apex == names.ROOT:
            return Trust.SECURE if zone.signer is not None else Trust.INSECURE
        parent = self._world.parent_of(zone.apex)
        above = self.trust_in_zone(parent)
        if above is not Trust.SECURE:
            return above
        if parent.get(zone.apex, RRType.DS) is None:
            return Trust.INSECURE
        return Trust.BOGUS if zone.apex in self._broken else Trust.SECURE

    def _is_secure(self, zone: Zone) -> bool:
        return self.trust_in_zone(zone) is Trust.SECURE

    def opts_out(self, qname: Name) -> bool:
        """True if denials around *qname* may rest on an opt-out span, which is not secure."""
        zone = self._world.zone_above(qname)
        nsec3 = zone.signer.nsec3 if zone is not None and zone.signer is not None else None
        return nsec3 is not None and nsec3.opt_out

    # --- ways ------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Zones become reachable through others: repeat until nothing changes."""
        changed = True
        while changed:
            changed = False
            for apex, zone in self._world.zones.items():
                found = self._judge(zone)
                if found > self._ways[apex]:
                    self._ways[apex] = found
                    changed = True

    def _judge(self, zone: Zone) -> Way:
        if zone.apex == names.ROOT:
            hosts = [canonical(host) for both in ROOT_SERVERS.values() for host in both]
            return max(self._server(host, zone) for host in hosts)
        parent = self._world.parent_of(zone.apex)
        above = self._ways[parent.apex]
        if above is Way.NO:
            return Way.NO
        ways = list(self._candidates(zone, parent))
        dead_ends = sum(way is not Way.SURE for way in ways) + self._dead_ends.get(parent.apex, 0)
        self._dead_ends[zone.apex] = dead_ends
        best = min(above, max(ways, default=Way.NO))
        is_long = dead_ends > MAX_DEAD_ENDS or self._lookups(zone) > MAX_LOOKUPS
        if best is Way.SURE and is_long:
            best = Way.MAYBE
        return max(best, self._by_neighbourhood(zone, parent))

    def _lookups(self, zone: Zone) -> int:
        """Nameservers without glue of *zone* and of all zones that finding them may lead to."""
        seen: set[Name] = set()
        waiting = [zone]
        count = 0
        while waiting:
            one = waiting.pop()
            if one.apex in seen or one.apex == names.ROOT:
                continue
            seen.add(one.apex)
            parent = self._world.parent_of(one.apex)
            waiting.append(parent)
            delegation = parent.get(one.apex, RRType.NS)
            for target in delegation.rdatas if delegation is not None else ():
                home = self._world.zone_above(target)
                if not names.is_subdomain(target, one.apex) and home is not None:
                    count += 1
                    waiting.append(home)
        return count

    def _candidates(self, zone: Zone, parent: Zone) -> Iterator[Way]:
        """Each address of each nameserver that the parent lists."""
        delegation = parent.get(zone.apex, RRType.NS)
        for target in delegation.rdatas if delegation is not None else ():
            glue = [parent.get(target, rtype) for rtype in (RRType.A, RRType.AAAA)]
            known = [rrset for rrset in glue if rrset is not None]
            if known:
                for host in _hosts(known):
                    yield self._server(host, zone)
                continue
            home = self._world.zone_above(target)
            if home is None or home is zone or self._ways[home.apex] is Way.NO:
                yield Way.NO
                continue
            looked_up = [home.get(target, rtype) for rtype in (RRType.A, RRType.AAAA)]
            for host in _hosts([rrset for rrset in looked_up if rrset is not None]):
                yield min(self._ways[home.apex], self._server(host, zone))

    def _by_neighbourhood(self, zone: Zone, parent: Zone) -> Way:
        """A server of the parent that holds the child too answers without a referral."""
        both = any(
            zone.apex in authority.zones and parent.apex in authority.zones
            for authority in self._world.servers.values()
        )
        return Way.MAYBE if both else Way.NO

    def _server(self, host: str, zone: Zone) -> Way:
        """Whether the server at *host* answers for *zone*."""
        authority = self._world.servers.get(host)
        faults = self._world.faults
        path = faults.path(host, -1.0)
        if authority is None or zone.apex not in authority.zones:
            return Way.NO
        manners = authority.manners
        if path.dead or path.unreachable or manners.rcode is not None or manners.is_lame:
            return Way.NO
        if manners.edns != "ok" and zone.signer is not None and self._is_secure(zone):
            return Way.NO  # without EDNS there are no signatures
        is_doubtful = path.loss or path.delay_s > SLOW_S or manners.edns == "drop"
        if is_doubtful or faults.has_spells(host):
            return Way.MAYBE
        return Way.SURE


def _is_made(rrset: RRset, answer: tuple[RRset, ...]) -> bool:
    """True for the CNAME that a DNAME of the same answer makes: nobody signs it."""
    return rrset.rtype == RRType.CNAME and any(
        one.rtype == RRType.DNAME and names.is_subdomain(rrset.owner, one.owner) for one in answer
    )


def _hosts(rrsets: list[RRset]) -> Iterator[str]:
    from ipaddress import ip_address  # noqa: PLC0415

    for rrset in rrsets:
        for rdata in rrset.rdatas:
            yield ip_address(rdata).compressed
