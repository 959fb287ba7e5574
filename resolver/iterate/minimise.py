"""QNAME minimisation: tell each server no more than it needs to refer us on (RFC 9156).

Pure bookkeeping of one walk: which name to ask next, given the cut we stand at. Probes are of type
NS, as Knot's are: it is what the walk wants to know (RFC 9156 §2.1 leaves the type open). The first
four steps add one label each, the rest are spread so that ten steps
reach any name (§2.3). A server that trips over a probe gets the full question (§2.3, relaxed).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.limits import MINIMISE_ONE_LABEL, MINIMISE_STEPS
from resolver.model import Question
from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from resolver.model import Name


class Minimiser:
    """The names asked on the way to *question*."""

    __slots__ = ("_reached", "_steps", "is_enabled", "question", "stumbled_at")

    def __init__(self, question: Question, *, is_enabled: bool) -> None:
        self.question = question
        self.is_enabled = is_enabled
        self._reached = 0
        self._steps = 0
        self.stumbled_at: Name | None = None

    def probe(self, zone: Name) -> Question:
        """What to ask servers of *zone*: the full question when one label is left, or none."""
        question = self.question
        qname = question.qname
        if not self.is_enabled or qname[qname[0] + 1 :] == zone:
            return question
        labels = names.count(qname)
        self._reached = max(self._reached, names.count(zone))
        left = labels - self._reached
        if left <= 1 or self._steps >= MINIMISE_STEPS:
            return question
        size = self._reached + self._stride(left)
        if size >= labels:
            return question
        return Question(names.suffix(qname, size), RRType.NS, question.qclass)

    def _stride(self, left: int) -> int:
        one_label = MINIMISE_ONE_LABEL
        if self._steps < one_label:
            return 1
        return max(1, -(-left // max(1, MINIMISE_STEPS - self._steps)))

    def advance(self, probe: Question) -> None:
        """The probe's name exists and is no zone cut: ask for more labels."""
        self._steps += 1
        self._reached = max(self._reached, names.count(probe.qname))

    def give_up(self) -> None:
        """Ask the full question from here on."""
        self.is_enabled = False

    def stumble(self, zone: Name) -> None:
        """No server of *zone* took the probe: the full question goes to the same servers."""
        self.stumbled_at = zone
        self.is_enabled = False
