"""All that the answers to some questions depend on, as far as it is known: the facts of a drill."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from resolver.drill.facts import Asked, Facts
from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from resolver.drill.facts import Cut, Fact, Trust
    from resolver.protocol.names import Name


class View(Protocol):
    """What somebody knows, though its time be over."""

    def fact(self, asked: Asked) -> Fact | None: ...

    def cut(self, zone: Name) -> Cut | None: ...

    def trust(self, zone: Name) -> Trust | None: ...


class Closure:
    """Follows questions through *view*: aliases, zone cuts, nameservers without glue, keys.

    What was found is in `facts`, until it is taken, *most* of it at most; `is_whole` says whether
    there was more.
    """

    def __init__(self, view: View, most: int) -> None:
        self.facts = Facts()
        self.is_whole = True
        self._view = view
        self._most = most
        self._taken = 0
        self._asked: set[Asked] = set()
        self._zones: set[Name] = set()

    def __repr__(self) -> str:
        return f"<Closure of {len(self._asked)} questions>"

    def follow(self, asked: Asked) -> None:
        """Have *asked* with all behind it. O(what was not followed before)."""
        waiting = [asked]
        while waiting:
            question = waiting.pop()
            if question in self._asked:
                continue
            self._asked.add(question)
            if self._taken + len(self.facts) >= self._most:
                self.is_whole = False
                return
            fact = self._look(question)
            if fact is not None and fact.target:
                waiting.append(Asked(fact.target, question.rtype))
            for zone in names.ancestors(question.name):
                if zone in self._zones:
                    break  # and all above it
                self._zones.add(zone)
                waiting += self._of_zone(zone)

    def take(self) -> Facts:
        """What was found since the last time."""
        found, self.facts = self.facts, Facts()
        self._taken += len(found)
        return found

    def _look(self, asked: Asked) -> Fact | None:
        fact = self._view.fact(asked)
        if fact is not None:
            self.facts.facts.append(fact)
        return fact

    def _of_zone(self, zone: Name) -> list[Asked]:
        """Take the cut and the keys of *zone*; what it depends on besides."""
        trust = self._view.trust(zone)
        if trust is not None:
            self.facts.trusts.append(trust)
        cut = self._view.cut(zone)
        if cut is None:
            return []
        self.facts.cuts.append(cut)
        for rtype in (RRType.DS, RRType.DNSKEY):
            self._look(Asked(zone, rtype))
        return [
            Asked(nameserver, rtype)
            for nameserver, given in zip(cut.nameservers, cut.glue, strict=True)
            if not given
            for rtype in (RRType.A, RRType.AAAA)
        ]
