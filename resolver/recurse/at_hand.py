"""What is at hand: whole answers of memory, for who does not wait."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from resolver.model import Answer, Link, Question, Status
from resolver.protocol.codes import Rcode
from resolver.recurse.alias_chain import answer_of, chained, leads_on
from resolver.recurse.closest_servers import closest_servers

if TYPE_CHECKING:
    from resolver.iterate.walk import Walker
    from resolver.recurse.known import Known
    from resolver.recurse.stale import Stale
    from resolver.recurse.validation import Validation
    from resolver.runtime.clock import Clock


class AtHand:
    """Of `resolver.Resolver`, which says what these are."""

    memory: Known
    trust: Validation | None
    stale: Stale | None
    _clock: Clock
    _walker: Walker | None

    def meanwhile(self, question: Question, *, checking: bool = True) -> Answer | None:
        """What a client may be told that has waited for long: memory's, over in part or whole."""
        stale, now = self.stale, self._clock.now()
        if stale is None:
            return None

        def look(asked: Question) -> Link | None:
            return self._recall_link(asked, now, checking=checking) or stale.meanwhile(asked)

        return chained(question, look)

    def recall(self, question: Question, *, checking: bool = True) -> Answer | None:
        """The answer if memory holds all of it, judged as the client wants; never waits."""
        now = self._clock.now()
        link = self._recall_link(question, now, checking=checking)
        if link is None or not leads_on(link):
            return None if link is None else answer_of(link)
        return chained(question, partial(self._recall_link, now=now, checking=checking))

    def _recall_link(self, question: Question, now: float, *, checking: bool) -> Link | None:
        trust = self.trust if checking else None
        if trust is not None and trust.known_bogus(question, now):
            return None
        known = self.memory.recall(question, now, synthesise=checking)
        is_unjudged = known is not None and known.status is Status.UNCHECKED
        return None if trust is not None and is_unjudged else known

    def refer(self, question: Question, *, checking: bool = True) -> Answer:
        """What a query without RD gets where memory has no answer; see `closest_servers`."""
        assert self._walker is not None  # noqa: S101  # by daemon.wiring, first of all
        now, trust = self._clock.now(), self.trust if checking else None
        bad = trust.known_bogus(question, now) if trust is not None else None
        if bad is not None:
            return Answer(question, Rcode.SERVFAIL, status=Status.BOGUS, ede=bad.ede)
        cut = self._walker.closest(question)
        return closest_servers(question, cut, now, is_configured=self._walker.is_configured(cut))
