"""3 may they: what policy does to the queries of one view, as an ordered list with two places.

A step looks at a query *before* it is resolved and may answer in its place, or at the answer
*after* and may put another there, or both. Order is code (`daemon.policies`), not configuration,
and `resolver check` prints it. A packet holds what the list made of an answer, so it is served to
clients of the same *tag* only: equal lists have equal tags. A step that looks at the client itself
must say in `admits` who may be served what was prepared for others. A step that needs the answer to
another question too says which *beside*, and is given both: whoever walks the list resolves it.
Pure: steps neither wait nor read a clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.model import DROPPED
from resolver.protocol.message import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Set as AbstractSet

    from resolver.model import Answer, Query, Question, View


EVERY_ANSWER: Final = 0
"""Among the types that a step looks for: no record has it (RFC 6895 §3.1)."""


class Step:
    """One thing that policy does. *name* is what `resolver check` calls it.

    A step overrides what it needs; what it leaves alone costs nothing.
    """

    name = "step"
    tells_stale = True
    """False: in its view nobody is told expired data."""
    tells_apart = False
    """True: it may treat clients of one view in different ways, as its `admits` says."""
    looks_for: AbstractSet[int] | None = None
    """Types of records: `after` leaves an answer alone that has none of them, unless EVERY_ANSWER
    is one. Whose set it is may change it at any time. None: it looks at every answer."""

    def before(self, query: Query) -> Answer | None:
        """The answer to *query* without resolving, None to go on. A step that answers is the last:
        neither those behind it nor any `after` see the query."""

    def after(self, query: Query, answer: Answer) -> Answer:
        """What the client is told in place of *answer*, that of resolution or a cache, SERVFAIL
        included. *answer* is others' too: never changed, only replaced."""
        del query
        return answer

    def asks_beside(self, query: Query) -> bool:
        """True if another question may follow even where nothing answers *query* itself: then it
        has half of the time."""
        del query
        return False

    def beside(self, query: Query, answer: Answer) -> Question | None:
        """The question whose answer is needed to say what becomes of *answer*; None: none is. Asked
        only where no step has put another answer in its place."""
        del query, answer
        return None

    def joined(self, query: Query, answer: Answer, other: Answer) -> Answer:
        """What the client is told in place of *answer*, *other* being that to the question asked
        `beside`, as resolution or a cache gave it. Neither is changed."""
        del query, other
        return answer

    def admits(self, source: bytes) -> bool:
        """False if the client at raw *source* must not be served others' packets."""
        del source
        return True


class Beside(NamedTuple):
    """A question that *step* needs the answer of; *query*: as if the client had asked it."""

    step: Step
    query: Query


class PolicyPath:
    """The steps of one view, in order."""

    __slots__ = (
        "_admits", "_after", "_before", "_beside",
        "changes_answers", "looks_beside", "steps", "tells_apart", "view",
    )  # fmt: skip

    def __init__(self, view: View, steps: Iterable[Step] = ()) -> None:
        self.view = view
        self.steps = tuple(steps)
        self._before = tuple(step.before for step in self.steps if _has(step, Step.before))
        self._after = tuple(
            (step.after, step.looks_for) for step in self.steps if _has(step, Step.after)
        )
        self._beside = tuple(step for step in self.steps if _has(step, Step.beside))
        self.looks_beside = bool(self._beside)
        self.changes_answers = bool(self._after or self._beside)
        self.tells_apart = any(step.tells_apart for step in self.steps)
        self._admits = tuple(step.admits for step in self.steps if _has(step, Step.admits))

    def __repr__(self) -> str:
        return f"<PolicyPath of {self.view.name}: {self}>"

    def __str__(self) -> str:
        """For people: *first, second | third*; behind the bar is what looks at answers."""
        before = [step.name for step in self.steps if _has(step, Step.before)]
        looks = Step.after, Step.beside
        after = [step.name for step in self.steps if any(_has(step, look) for look in looks)]
        return " | ".join([", ".join(before), ", ".join(after)]) if after else ", ".join(before)

    def before(self, query: Query) -> Answer | None:
        """The answer of the first step that has one. O(steps)."""
        for before in self._before:
            answer = before(query)
            if answer is not None:
                return answer
        return None

    def after(self, query: Query, answer: Answer) -> Answer:
        """What all steps, in order, make of *answer*. O(steps)."""
        for after, wanted in self._after:
            if wanted is not None and EVERY_ANSWER not in wanted:
                for rrset in answer.answer:
                    if rrset.rtype in wanted:
                        break
                else:
                    continue  # spares a call, which costs as much as all else here
            answer = after(query, answer)
            if answer is DROPPED:
                break
        return answer

    def asks_beside(self, query: Query) -> bool:
        """May another question follow, even where nothing answers *query* itself?"""
        return self.looks_beside and any(step.asks_beside(query) for step in self._beside)

    def beside(self, query: Query, answer: Answer) -> Beside | None:
        """What the first step that needs it has asked too, where policy lets it be asked."""
        for step in self._beside:
            question = step.beside(query, answer)
            if question is not None:
                message = Message.asking(question, query.message.flags)
                asked = query._replace(message=message)
                return Beside(step, asked) if self.before(asked) is None else None
        return None

    def joined(self, query: Query, answer: Answer, beside: Beside, other: Answer) -> Answer:
        """*answer* and *other*, that to the question *beside*, as one; *answer*, if policy puts
        another in the place of *other*."""
        if self.after(beside.query, other) is not other:
            return answer
        return beside.step.joined(query, answer, other)

    def admits(self, source: bytes) -> bool:
        """False if any step keeps packets from the client at raw *source*."""
        return all(admits(source) for admits in self._admits)


def _has(step: Step, method: Callable[..., object]) -> bool:
    """Does the class of *step* have a *method* of its own?"""
    return getattr(type(step), method.__name__) is not method
