"""What the walker asks of `upstream`: one question to the servers of one zone cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from resolver.budget import Share
    from resolver.model import Delegation, Link, Question, Referral, Server, Verdict
    from resolver.protocol.transport import Transport
    from resolver.protocol.wire import Message


class Classified(NamedTuple):
    """What the walker makes of one reply: its *links*, or the *referral* that leads further down.

    Both are empty where the verdict is not `is_usable`.
    """

    verdict: Verdict
    links: tuple[Link, ...] = ()
    referral: Referral | None = None


class Reply(NamedTuple):
    """A usable reply: its server, what it says, what it is, and how long it took."""

    server: Server
    message: Message
    classified: Classified
    rtt_s: float
    transport: Transport


class Request(NamedTuple):
    """One question for one zone cut.

    *classify* is pure and cheap; a verdict that is not `is_usable` sends the dispatcher to another
    server (LAME, REFUSED, SERVFAIL … are remembered by (address, zone)). *more_addresses* resolves
    the next one or two of the cut's unresolved nameserver names, puts what it finds into
    `delegation.book`, and returns False once there is nothing left to look up; the dispatcher
    awaits it in the asker's task, beside whatever is on its way, and cancels it when a reply comes.
    *excluded* servers are not asked (their answer was bogus). *is_probe*: it is a minimised form of
    the question (RFC 9156 §2.3): no effort is made where servers refuse or drop it, for the full
    question comes next. *is_repeated*: that one, which has no reason to doubt those servers.
    *takes_any*: whatever a server says first; it is not asked again with less.
    """

    question: Question
    delegation: Delegation
    classify: Callable[[Message, Server], Classified]
    more_addresses: Callable[[], Awaitable[bool]]
    budget: Share
    wants_tcp: bool = False
    excluded: frozenset[str] = frozenset()
    is_repeated: bool = False
    is_probe: bool = False
    takes_any: bool = False


class Ask(Protocol):
    """`upstream.dispatcher.Dispatcher.ask`.

    Returns the first usable reply. Raises ExchangeFailed when no server gave one, WorkExceeded when
    the budget ended it. Spends `budget.spend_query()` for every packet it sends. Truncated replies
    are retried over TCP by the dispatcher itself: *classify* never sees one.
    """

    def __call__(self, request: Request) -> Awaitable[Reply]: ...
