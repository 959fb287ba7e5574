"""Which zone cut a name fails at, and why, in one sentence for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resolver.drill.facts import Asked
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.runtime.duration import duration

if TYPE_CHECKING:
    from resolver.drill.facts import Cut
    from resolver.drill.outlook import Outlook
    from resolver.protocol.names import Name


_DEEPEST = 16  # zones in one sentence


class Blame(NamedTuple):
    """*zone*: the cut that fails."""

    zone: Name
    why: str


class Blaming:
    """Finds out for one *outlook*, which is settled. *measured*: addresses that ever answered."""

    def __init__(self, outlook: Outlook, measured: frozenset[str]) -> None:
        self._outlook = outlook
        self._measured = measured

    def __repr__(self) -> str:
        return f"<Blaming by {self._outlook}>"

    def of(self, asked: Asked, after_s: float) -> Blame:
        """Why *asked* is not told *after_s* seconds after the cut, or whether it is not known."""
        outlook, alias = self._outlook, ""
        for number, (link, fact) in enumerate(outlook.chain(asked)):
            if number:
                alias = f"alias into {names.to_text(link.name)}: "
            zone = outlook.zone_of(link)
            if outlook.stale_until(link) <= after_s:
                found = self._of_zone(zone, after_s, frozenset())
                return Blame(found.zone, f"{alias}{found.why}")
            if fact is None and not outlook.is_sure(link):
                told = f"it was not looked up before: who serves it below {names.to_text(zone)}"
                return Blame(zone, f"{alias}{told} is not known")
        return Blame(names.ROOT, "nothing is known against it")

    def _of_zone(self, zone: Name, after_s: float, seen: frozenset[Name]) -> Blame:
        outlook, text = self._outlook, names.to_text(zone)
        cut = outlook.index.cuts.get(zone)
        if cut is None or zone in seen or len(seen) > _DEEPEST:
            return Blame(zone, f"nothing is known of who serves {text}")
        if outlook.asked_until(zone) > after_s:
            return self._of_trust(zone, after_s)
        if outlook.reached_until(cut) <= after_s:
            return self._of_servers(cut, after_s, seen | {zone})
        above = outlook.index.above(zone)
        assert above is not None  # noqa: S101  # the root's own never ends
        behind = self._of_zone(above.zone, after_s, seen | {zone})
        return Blame(
            behind.zone, f"{_ended(f'the delegation of {text}', cut.left_s)}; {behind.why}"
        )

    def _of_servers(self, cut: Cut, after_s: float, seen: frozenset[Name]) -> Blame:
        outlook, text = self._outlook, names.to_text(cut.zone)
        hosts = set(cut.hosts())
        without = []
        for nameserver, given in zip(cut.nameservers, cut.glue, strict=True):
            found = {
                host
                for rtype in (RRType.A, RRType.AAAA)
                for _, fact in outlook.chain(Asked(nameserver, rtype))
                for host in (fact.hosts if fact is not None else ())
            }
            hosts |= found
            if not given and not found.isdisjoint(outlook.terms.kept):
                without.append(nameserver)
        if without:
            name = names.to_text(without[0])
            zone = outlook.zone_of(Asked(without[0], RRType.A))
            behind = self._of_zone(zone, after_s, seen)
            return Blame(
                behind.zone, f"the address of {name}, a server of {text}, is lost; {behind.why}"
            )
        strange = len(hosts - self._measured)
        told = f"none of the {len(hosts)} addresses of {text} answers"
        if len(hosts) == 1:
            told = f"the one address of {text} does not answer"
        if not hosts:
            told = f"no address of a server of {text} is known"
        if strange and hosts:
            told += f" ({strange} of them never measured)"
        above = outlook.index.above(cut.zone)
        if above is not None and outlook.asked_until(above.zone) > after_s:
            told = f"{names.to_text(above.zone)} answers, but {told}"
        return Blame(cut.zone, told)

    def _of_trust(self, zone: Name, after_s: float) -> Blame:
        """Its servers answer, but are not believed: the topmost zone for which that is so."""
        outlook = self._outlook
        above = outlook.index.above(zone)
        if above is not None and outlook.trusted_until(above.zone) <= after_s:
            return self._of_trust(above.zone, after_s)
        text, trust = names.to_text(zone), outlook.index.trusts.get(zone)
        for rtype, word in ((RRType.DS, "DS"), (RRType.DNSKEY, "DNSKEY")):
            at = above.zone if rtype == RRType.DS and above is not None else zone
            if outlook.asked_until(at) <= after_s:
                fact = outlook.index.facts.get(Asked(zone, rtype))
                left = [one.left_s for one in (fact, trust) if one is not None]
                behind = self._of_zone(at, after_s, frozenset())
                ended = _ended(f"the {word} of {text}", max(left, default=-1.0))
                return Blame(behind.zone, f"{ended}; {behind.why}")
        return Blame(zone, f"what {text} says cannot be validated")


def _ended(what: str, left_s: float) -> str:
    return f"{what} ends after {duration(left_s)}" if left_s > 0 else f"{what} is not held"
