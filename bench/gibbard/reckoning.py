"""What can be resolved at all: worked out from a situation's table and what was asked before.

Knows nothing of resolvers, packets or the lab. A name resolves if its answer is still held, or if
a server of each level from the deepest delegation held down to its zone can be reached. What was
reached is held for its TTL; an expired answer is told where stale answers are served.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.gibbard.country import ANSWER_TTL_S, DELEGATION_TTL_S

if TYPE_CHECKING:
    from bench.gibbard.country import Asked
    from bench.gibbard.situations import Site, Situation

HELD_S = min(DELEGATION_TTL_S, 86_400)  # cache.max_ttl, as shipped
STALE_MAX_S = 259_200  # RFC 8767 §5 suggests one to three days


class Reckoning:
    """*serves_stale*, *keeps*: whether expired answers are told, and a restart keeps the cache."""

    def __init__(self, situation: Situation, *, serves_stale: bool, keeps: bool) -> None:
        self.is_cut = False
        self._situation = situation
        self._serves_stale = serves_stale
        self._keeps = keeps
        self._tlds = {tld.label: tld.sites for tld in situation.tlds}
        self._delegations: dict[str, float] = {}
        self._answers: dict[str, float] = {}

    def restart(self) -> None:
        if not self._keeps:
            self._delegations.clear()
            self._answers.clear()

    def ask(self, asked: Asked, now: float) -> bool:
        """True if *asked* can be answered at *now*; it is known from then on."""
        held_until = self._answers.get(asked.qname)
        if held_until is not None and held_until > now:
            return True
        hosting = self._situation.home if asked.is_home else self._situation.abroad
        if self._finds_zone(asked, now) and self._answers_one_of(hosting):
            self._answers[asked.qname] = now + ANSWER_TTL_S
            return True
        is_told = held_until is not None and now < held_until + STALE_MAX_S
        return self._serves_stale and is_told

    def _finds_zone(self, asked: Asked, now: float) -> bool:
        """Whether the delegation of the zone is held, or can be had."""
        if self._delegations.get(asked.zone, now) > now:
            return True
        if not self._finds_tld(asked.tld, now) or not self._answers_one_of(self._tlds[asked.tld]):
            return False
        self._delegations[asked.zone] = now + HELD_S
        return True

    def _finds_tld(self, tld: str, now: float) -> bool:
        if self._delegations.get(tld, now) > now:
            return True
        if not self._answers_one_of(self._situation.roots):
            return False
        self._delegations[tld] = now + HELD_S
        return True

    def _answers_one_of(self, sites: tuple[Site, ...]) -> bool:
        return not self.is_cut or any(not site.fails for site in sites)
