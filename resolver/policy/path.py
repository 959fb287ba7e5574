"""3 may they: what policy does to the queries of one view, as an ordered list with two places.

A step looks at a query *before* it is resolved and may answer in its place, or at the answer
*after* and may put another there, or both. Order is code (`daemon.policies`), not configuration,
and `resolver check` prints it. A packet holds what the list made of an answer, so it is served to
clients of the same *tag* only: equal lists have equal tags. A step that looks at the client itself
must say in `admits` who may be served what was prepared for others.
Pure: steps neither wait nor read a clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from resolver.model import Answer, Query, View


class Step:
    """One thing that policy does. *name* is what `resolver check` calls it.

    A step overrides what it needs; what it leaves alone costs nothing.
    """

    name = "step"
    tells_stale = True
    """False: in its view nobody is told expired data."""

    def before(self, query: Query) -> Answer | None:
        """The answer to *query* without resolving, None to go on. A step that answers is the last:
        neither those behind it nor any `after` see the query."""

    def after(self, query: Query, answer: Answer) -> Answer:
        """What the client is told in place of *answer*, that of resolution or a cache, SERVFAIL
        included. *answer* is others' too: never changed, only replaced."""
        del query
        return answer

    def admits(self, source: bytes) -> bool:
        """False if the client at raw *source* must not be served others' packets."""
        del source
        return True


class PolicyPath:
    """The steps of one view, in order."""

    __slots__ = ("_admits", "_after", "_before", "changes_answers", "steps", "view")

    def __init__(self, view: View, steps: Iterable[Step] = ()) -> None:
        self.view = view
        self.steps = tuple(steps)
        self._before = tuple(step.before for step in self.steps if _has(step, Step.before))
        self._after = tuple(step.after for step in self.steps if _has(step, Step.after))
        self.changes_answers = bool(self._after)
        self._admits = tuple(step.admits for step in self.steps if _has(step, Step.admits))

    def __repr__(self) -> str:
        return f"<PolicyPath of {self.view.name}: {self}>"

    def __str__(self) -> str:
        """For people: *first, second | third*; behind the bar is what looks at answers."""
        before = [step.name for step in self.steps if _has(step, Step.before)]
        after = [step.name for step in self.steps if _has(step, Step.after)]
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
        for after in self._after:
            answer = after(query, answer)
        return answer

    def admits(self, source: bytes) -> bool:
        """False if any step keeps packets from the client at raw *source*."""
        return all(admits(source) for admits in self._admits)


def _has(step: Step, method: Callable[..., object]) -> bool:
    """Does the class of *step* have a *method* of its own?"""
    return getattr(type(step), method.__name__) is not method
