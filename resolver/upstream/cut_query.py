"""One question at one zone cut, from the first packet to the first usable reply.

Pure: `CutQuery.step` hears what happened and returns what is to be done about it (`cut_actions`);
it sends nothing, waits for nothing and knows no clock. `dispatcher` does what is returned. The
table says what is heard in which state, and what may follow. What an event leads to stands in
`cut_asking` (whom to ask), `cut_replies` (what came back) and `cut_waiting` (nobody, and the end).
RFC 9520 §3.1 bounds retries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from resolver.protocol.names import to_text
from resolver.upstream import cut_actions as do
from resolver.upstream import cut_asking as asking
from resolver.upstream import cut_replies as replies
from resolver.upstream.asker import Asker
from resolver.upstream.cut_actions import State
from resolver.upstream.edns_fallback import Arrived

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.upstream.cut_actions import Action, Event

    Handler = Callable[[Asker, Any, float], None]


class Row(NamedTuple):
    """One state: what is heard in it (anything else is a bug) and by whom, what may come next."""

    hears: dict[type, Handler]
    becomes: frozenset[State]


_LEADS_TO: Final[dict[type, Handler]] = {
    do.Begun: asking.on_begun,
    do.Opened: asking.on_opened,
    do.AskedMore: asking.on_asked_more,
    do.AskedAgain: replies.on_asked_again,
    do.Refused: replies.on_refused,
    do.NoRoom: replies.on_no_room,
    Arrived: replies.on_arrived,
    do.Truncated: replies.on_truncated,
    do.Malformed: replies.on_malformed,
    do.Unreachable: replies.on_unreachable,
    do.Mismatched: replies.on_mismatched,
    do.Doubtful: replies.on_doubtful,
    do.Silent: replies.on_silent,
    do.StreamFailed: replies.on_stream_failed,
    do.ResortDue: replies.on_resort_due,
    do.Woken: asking.on_woken,
    do.Doubted: asking.on_doubted,
    do.Trickled: asking.on_trickled,
    do.OutageBegan: asking.on_outage_began,
    do.OutageEnded: asking.on_outage_ended,
    do.LookupBegun: asking.on_lookup_begun,
    do.LookedUp: asking.on_looked_up,
    do.Left: asking.on_left,
}


def _row(hears: set[Any], becomes: set[State]) -> Row:
    return Row({kind: _LEADS_TO[kind] for kind in hears}, frozenset(becomes))


def _end_row() -> Row:
    """What comes now is nobody's; only what was paid for a packet is given back."""
    refusals = {kind: _LEADS_TO[kind] for kind in _REFUSALS}
    return Row({**dict.fromkeys(_ALL, _unheard), **refusals}, frozenset())


def _unheard(query: Asker, event: Any, now: float) -> None:
    """Nobody waits for it any more."""


_COMES_BACK = {Arrived, do.Truncated, do.Malformed, do.Unreachable, do.Mismatched, do.Doubtful,
               do.Silent, do.StreamFailed}  # fmt: skip
_MOMENTS = {do.Woken, do.ResortDue}
_LINK = {do.Doubted, do.OutageBegan, do.OutageEnded}
_LOOKUPS = {do.LookupBegun, do.LookedUp}
_REFUSALS = {do.Refused, do.NoRoom}
_OUTCOMES = set(do.OUTCOMES)
_USUAL = _COMES_BACK | _MOMENTS | _LINK | _LOOKUPS | _REFUSALS | {do.Left}
_ALL = _USUAL | _OUTCOMES | {do.Begun, do.Trickled}

_S = State
_END = {_S.ANSWERED, _S.FAILED, _S.LEFT}
_GOES_ON = {_S.SENDING, _S.ASKED, _S.STARVED, _S.HELD, _S.UNDECIDED, _S.PATIENT} | _END

TABLE: Final = {
    # state: what is heard in it, what may come next
    _S.NEW: _row({do.Begun, do.Left}, {_S.SENDING, _S.STARVED, _S.HELD, _S.FAILED, _S.LEFT}),
    _S.SENDING: _row(_USUAL | _OUTCOMES, _GOES_ON),
    _S.ASKED: _row(_USUAL, _GOES_ON),
    _S.STARVED: _row(_USUAL, _GOES_ON),
    _S.HELD: _row(_USUAL | {do.Trickled}, _GOES_ON),
    _S.UNDECIDED: _row(_USUAL, _GOES_ON),
    _S.PATIENT: _row(_USUAL, _GOES_ON),
    _S.ANSWERED: _end_row(),
    _S.FAILED: _end_row(),
    _S.LEFT: _end_row(),
}


_NONE: Final[list[Action]] = []


class IllegalStep(Exception):
    """A step that the table does not have: a bug of ours."""


class CutQuery(Asker):
    """The state of one `ask`, and what moves it on."""

    __slots__ = ()

    def __repr__(self) -> str:
        asked = to_text(self.request.question.qname)
        return f"<CutQuery {asked} at {to_text(self.zone)}: {self.state.name} {self.attempts!r}>"

    def step(self, event: Event, now: float) -> list[Action]:
        """Hear *event*; returns what is to be done about it, in this order.

        Raises IllegalStep, which is a bug.
        """
        before = self.state
        hears, becomes = TABLE[before]
        handler = hears.get(type(event))
        if handler is None:
            raise IllegalStep(f"{type(event).__name__} in state {before.name}")
        actions: list[Action] = []
        self.actions = actions
        handler(self, event, now)
        after = self.state
        if after is not before and after not in becomes:
            kind = type(event).__name__
            raise IllegalStep(f"{kind}: from {before.name} to {after.name}")
        self.actions = _NONE  # an error among them, raised, would hold the frames that hold it
        return actions
