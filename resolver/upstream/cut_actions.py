"""What a cut query hears and what it wants done: plain values between `cut_query`, which decides,
and `dispatcher`, which does.

Actions are done in their order, each before the next; what one leads to at once (`Refused`,
`NoRoom`) is heard before the next is done. An `Outcome` comes last and is heard back as soon as
all before it is done, so that a decision may rest on what became of a packet.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from resolver.upstream.edns_fallback import Arrived
from resolver.upstream.request import Reply
from resolver.upstream.server_events import InstanceChanged, Tried
from resolver.upstream.transmission import Transmission

if TYPE_CHECKING:
    from resolver.delegation import Key
    from resolver.errors import ResolverError, WireError, WorkExceeded
    from resolver.model import Server
    from resolver.protocol.transport import Transport
    from resolver.upstream.query import Sent
    from resolver.upstream.query_form import Form
    from resolver.upstream.select import Candidate
    from resolver.upstream.server_state import ServerState


class State(enum.Enum):
    """Where a cut query stands. The table in `cut_query` says what may follow."""

    NEW = "nothing was asked yet"
    SENDING = "packets are handed over; what becomes of them is heard next"
    ASKED = "somebody may answer, or somebody else is asked in a moment"
    STARVED = "nobody is left to ask until a nameserver's address is found"
    HELD = "the way out is cut off: it waits for its turn, or for the first answer"
    UNDECIDED = "all failed, and it is open whether they did or our link"
    PATIENT = "all are late, and yet the last word is waited for"
    ANSWERED = "a usable reply came"
    FAILED = "none came"
    LEFT = "the asker is gone"

    __hash__ = object.__hash__  # by identity: Enum's own is a Python function


OVER = frozenset({State.ANSWERED, State.FAILED, State.LEFT})

# --- events: what may happen to a cut query ------------------------------------------------------


class Begun(NamedTuple):
    """Somebody asks."""


class Opened(NamedTuple):
    """The first packets were handed over: to *chosen*, out of *candidates*."""

    chosen: list[Candidate]
    candidates: list[Candidate]
    is_speculative: bool


class AskedMore(NamedTuple):
    """One more packet was handed over; *total* were before."""

    state: ServerState
    is_repeat: bool
    total: int


class AskedAgain(NamedTuple):
    """The same server was asked otherwise, because of what *arrived*; *total* were before."""

    arrived: Arrived
    total: int


class Refused(NamedTuple):
    """The kernel would not send; *reason* is its name for why."""

    transmission: Transmission
    reason: str


class NoRoom(NamedTuple):
    """No descriptor, no port, or too much on its way."""

    transmission: Transmission


class Woken(NamedTuple):
    """It is as late as `WakeAt` said."""


class ResortDue(NamedTuple):
    """TCP takes too long at a server that is in doubt: see `ResortAt`."""

    key: Key


class Doubted(NamedTuple):
    """The answer to `DoubtLink`. *is_open*: a verdict on the link is due at `way.verdict_at`."""

    is_open: bool
    is_last: bool


class Trickled(NamedTuple):
    """The packet of an outage went out: it is this one's turn to ask."""


class OutageBegan(NamedTuple):
    """The way out is cut off."""


class OutageEnded(NamedTuple):
    """Somebody on the way out answered again."""


class Truncated(NamedTuple):
    """A reply came with TC."""

    transmission: Transmission
    rtt_s: float


class Malformed(NamedTuple):
    """What came matched, and is no DNS message."""

    server: Server
    state: ServerState
    transport: Transport
    error: WireError


class Unreachable(NamedTuple):
    """ICMP says so."""

    transmission: Transmission
    reason: str


class Mismatched(NamedTuple):
    """Not the reply to what was asked. *is_near*: it has the right id."""

    transmission: Transmission
    is_near: bool


class Doubtful(NamedTuple):
    """A reply that may be forged, or is not believed; *form* is what the server may bear."""

    transmission: Transmission
    form: Form


class Silent(NamedTuple):
    """A packet expired; its port stays open a while, but nothing more is expected."""

    transmission: Transmission


class StreamFailed(NamedTuple):
    """No connection, or nothing came over it."""

    server: Server
    reason: str


class LookupBegun(NamedTuple):
    """The asker looks up nameserver names."""


class LookedUp(NamedTuple):
    """It did. *found_more* False: nothing is left to look up; *error*: a bound ended it."""

    found_more: bool
    error: WorkExceeded | None = None


class Left(NamedTuple):
    """The asker waits no longer."""


BEGUN = Begun()
WOKEN = Woken()
TRICKLED = Trickled()
OUTAGE_BEGAN = OutageBegan()
OUTAGE_ENDED = OutageEnded()
LOOKUP_BEGUN = LookupBegun()
LEFT = Left()

Outcome: TypeAlias = Opened | AskedMore | AskedAgain
OUTCOMES = (Opened, AskedMore, AskedAgain)
Event: TypeAlias = (
    Outcome
    | Arrived
    | Begun
    | Doubted
    | Doubtful
    | Left
    | LookedUp
    | LookupBegun
    | Malformed
    | Mismatched
    | NoRoom
    | OutageBegan
    | OutageEnded
    | Refused
    | ResortDue
    | Silent
    | StreamFailed
    | Trickled
    | Truncated
    | Unreachable
    | Woken
)

# --- actions: what it may want done; a `Transmission` is to be sent, a `Reply` is the end,
# an `Outcome` is to be heard back -----------------------------------------------------------------


class Join(NamedTuple):
    """Wait for what somebody else has on its way."""

    transmission: Transmission


class OverTcp(NamedTuple):
    """Ask over a stream."""

    server: Server
    state: ServerState
    sent: Sent


class WakeAt(NamedTuple):
    """Be `Woken` then, instead of whenever was wanted before."""

    at: float


class ResortAt(NamedTuple):
    """Hear `ResortDue` then, unless TCP comes to an end before."""

    at: float
    key: Key


class NoResort(NamedTuple):
    """The opposite."""

    key: Key


class Leave(NamedTuple):
    """Wait for these no more: they go on teaching alone."""

    transmissions: list[Transmission]


class HangUp(NamedTuple):
    """Nobody waits for what comes over streams any more."""


class LookUp(NamedTuple):
    """Look up more nameservers beside what is on its way."""


class DoubtLink(NamedTuple):
    """Nothing came of what went out: is it they, or we? `Doubted` is heard back, or nothing."""

    is_last: bool = False
    is_told: bool = True


class Trickle(NamedTuple):
    """Send a witness the packet that one may send during an outage; `Trickled` is heard back."""


class Park(NamedTuple):
    """Until the outage ends, which is to be told."""


class Fail(NamedTuple):
    """The end: nothing of use came."""

    error: ResolverError


HANG_UP = HangUp()
LOOK_UP = LookUp()
TRICKLE = Trickle()
PARK = Park()

Action: TypeAlias = (
    Transmission
    | Reply
    | Tried
    | InstanceChanged
    | DoubtLink
    | Fail
    | HangUp
    | Join
    | Leave
    | LookUp
    | NoResort
    | Outcome
    | OverTcp
    | Park
    | ResortAt
    | Trickle
    | WakeAt
)
