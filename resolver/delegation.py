"""A zone cut, who serves it, and where: the *address book* that all walks over a cut share.

What a delegation says never changes; what is known of its nameservers' addresses does, while walks
run side by side, so that part has one owner with methods. Its rules:

1. What the referral gave is kept as long as the delegation: a zone never has fewer servers than its
   parent named (RFC 1034 §5.3.3). Everything else comes beside it.
2. What other referrals gave is lent until their delegation ends; what was looked up counts for its
   own time, and is taken anew when that is over.
3. A name is *unresolved* if it has no address and nobody looks it up, nor did a moment ago. A
   look-up that found none holds for a while; one that failed is anybody's to try again.

Pure: *now* is passed in, and who waits leaves a function to call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from resolver.protocol.codes import RRType
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from resolver.protocol.message import Name, Question

Key: TypeAlias = "tuple[str, int, Transport, str]"  # of a server: see `Server.key`
_NEVER = float("inf")
_NOT_FILTERED: tuple[object, tuple[Server, ...], tuple[Server, ...]] = (None, (), ())
_NONE: tuple[Server, ...] = ()


class Server(NamedTuple):
    """One address that can be asked; *nameserver* is the NS name it was learnt from.

    *transport*: how it is asked first. UDP is plain DNS, TCP where that is needed included; the
    others carry everything. *auth_name* is what its certificate must prove, where there is one.
    """

    host: str
    port: int = 53
    nameserver: Name = b"\0"
    transport: Transport = Transport.UDP
    auth_name: str = ""

    @property
    def key(self) -> Key:
        """What RTT, health and sessions are kept by: address and transport.

        The name too: a session that was proven for one name is none for another.
        """
        return self.host, self.port, self.transport, self.auth_name

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.host

    @property
    def rtype(self) -> int:
        """Type of the address record: A or AAAA."""
        return RRType.AAAA if ":" in self.host else RRType.A


# The same without a frame: each choice among servers reads one of every address.
Server.key = property(itemgetter(0, 1, 3, 4))  # type: ignore[assignment, method-assign]


class KnownAddresses(NamedTuple):
    """Addresses of one name, and when they stop counting (`Clock.now()`'s scale)."""

    servers: tuple[Server, ...]
    good_until: float


class _Search:
    """The look-ups of one name: types begun, types still running, and what they brought.

    *is_partial*: one of them came to nothing or was given up, so that "none" is not for sure.
    """

    __slots__ = ("begun", "good_until", "is_partial", "running", "servers")

    def __init__(self, good_until: float, servers: tuple[Server, ...] = ()) -> None:
        self.begun: set[int] = set()
        self.running: set[int] = set()
        self.servers = servers
        self.good_until = good_until
        self.is_partial = False


class AddressBook:
    """Addresses of one cut's nameservers; see the module for its rules.

    *servers*: all that may be asked now, in the order of the nameservers, each address once.
    *unresolved*: names to be looked up, in that order. *due_at*: when `expire` has something to do.
    These three are worked out at each change, so that a walk only reads them. *allowed*: those of
    *servers* that a filter lets be asked, with that filter and the servers it was asked about.
    """

    __slots__ = ("_glue", "_lent", "_searches", "_watchers", "_worth", "allowed", "due_at",
                 "nameservers", "servers", "unresolved")  # fmt: skip

    def __init__(
        self, nameservers: tuple[Name, ...], glue: Mapping[Name, tuple[Server, ...]]
    ) -> None:
        self.nameservers = nameservers
        self._glue = glue
        self._lent: dict[Name, KnownAddresses] = {}
        self._searches: dict[Name, _Search] = {}
        self._worth: set[Name] = set()  # a look-up of these gave what was not known without
        self._watchers: list[Callable[[], None]] = []
        self.due_at = _NEVER
        self.allowed = _NOT_FILTERED
        found = [one for name in nameservers for one in glue.get(name, _NONE)]
        if len(glue) == len(nameservers) and len({one.key for one in found}) == len(found):
            self.servers = tuple(found)  # as it is born, mostly
            self.unresolved: tuple[Name, ...] = ()
        else:
            self._work_out()

    def __repr__(self) -> str:
        searching = sum(1 for _ in self.searching())
        return f"<AddressBook {len(self.servers)} servers, {searching} names looked up>"

    # --- reading ---------------------------------------------------------------------------

    def of(self, name: Name) -> tuple[Server, ...]:
        """All addresses of one nameserver."""
        found = self._given(name)
        search = self._searches.get(name)
        if search is not None and search.servers:
            found = _joined(found, search.servers)
        return found

    def searching(self) -> Iterable[Name]:
        """Names that somebody is looking up now."""
        return (name for name, search in self._searches.items() if search.running)

    def open_types(self, name: Name, rtypes: Sequence[int]) -> list[int]:
        """Those of *rtypes* that nobody looked up for *name*, nor is looking up."""
        search = self._searches.get(name)
        return [one for one in rtypes if search is None or one not in search.begun]

    def is_partial(self, name: Name) -> bool:
        """True if one of the name's look-ups came to nothing or was given up."""
        search = self._searches.get(name)
        return search is not None and search.is_partial

    def unconfirmed(self, rtypes: Sequence[int]) -> list[Name]:
        """Names with an address, and a type of *rtypes* that their own servers were not asked."""
        return [
            name for name in self.nameservers if self.of(name) and self.open_types(name, rtypes)
        ]

    def _given(self, name: Name) -> tuple[Server, ...]:
        """What referrals gave: this one, and others."""
        glue = self._glue.get(name, _NONE)
        lent = self._lent.get(name) if self._lent else None
        return glue if lent is None else _joined(glue, lent.servers)

    # --- what is learnt --------------------------------------------------------------------

    def lend(self, lent: Mapping[Name, KnownAddresses]) -> bool:
        """Add what other referrals gave, until their delegations end. True if any is news."""
        fresh = {
            name: known
            for name, known in lent.items()
            if not set(self.of(name)).issuperset(known.servers)
        }
        if fresh:
            self._lent.update(fresh)
            self._work_out()
        return bool(fresh)

    def keep(self, cached: Mapping[Name, KnownAddresses]) -> None:
        """Add what the cache has of unresolved names: look-ups of others', done."""
        for name, known in cached.items():
            self._searches[name] = _Search(known.good_until, known.servers)
            self._worth.discard(name)
        if cached:
            self._work_out()

    def begin(self, question: Question, *, good_until: float) -> None:
        """Somebody looks this up; without an address the name counts as having none until then."""
        name, rtype, _ = question
        search = self._searches.get(name)
        if search is None:
            search = self._searches[name] = _Search(good_until)
        if not search.running:
            search.is_partial = False
        search.good_until = min(search.good_until, good_until)
        search.begun.add(rtype)
        search.running.add(rtype)
        self._work_out()

    def settle(
        self, question: Question, servers: Iterable[Server], *, is_glue: bool = False
    ) -> None:
        """One look-up is done: its addresses come beside what is known.

        *is_glue*: it ended at a referral's glue, and the name's own servers may know better.
        """
        name, rtype, _ = question
        search = self._searches[name]
        search.running.discard(rtype)
        if is_glue:
            search.begun.discard(rtype)
        search.servers = _joined(search.servers, servers)
        self._end(name, search)

    def fail(self, question: Question) -> None:
        """One look-up came to nothing."""
        name, rtype, _ = question
        self._stop(name, rtype)

    def abandon(self, question: Question) -> None:
        """Nobody goes on with this look-up: anybody may begin it. No effect if it is over."""
        name, rtype, _ = question
        search = self._searches.get(name)
        if search is not None and rtype in search.running:
            search.begun.discard(rtype)
            self._stop(name, rtype)

    def _stop(self, name: Name, rtype: int) -> None:
        search = self._searches[name]
        search.running.discard(rtype)
        search.is_partial = True
        self._end(name, search)

    def _end(self, name: Name, search: _Search) -> None:
        """Nothing found for sure and no address from elsewhere: others may try again at once."""
        if not search.running:
            self._worth.discard(name)
            is_unsure = search.is_partial and not self._given(name)
            if not search.servers and (is_unsure or not search.begun):
                del self._searches[name]
        self._work_out()
        watchers, self._watchers = self._watchers, []
        for tell in watchers:
            tell()

    def watch(self, tell: Callable[[], None]) -> None:
        """Call *tell* once, when the next look-up gets on."""
        self._watchers.append(tell)

    def designate(self, name: Name, servers: tuple[Server, ...]) -> None:
        """These come beside what was given for *name*, in the place of those before; no end."""
        self._lent.pop(name, None)
        if servers:
            self._lent[name] = KnownAddresses(servers, _NEVER)
        self._work_out()

    # --- time ------------------------------------------------------------------------------

    def expire(self, now: float) -> None:
        """Drop what no longer counts. A name that is worth it is unresolved again then, and its
        glue is asked meanwhile."""
        if now < self.due_at:
            return
        for name, known in list(self._lent.items()):
            if known.good_until <= now:
                del self._lent[name]
        for name, search in list(self._searches.items()):
            if search.good_until <= now and not search.running:
                del self._searches[name]
                given = self._given(name)
                if given and not set(given).issuperset(search.servers):
                    self._worth.add(name)
        self._work_out()

    def _work_out(self) -> None:
        """The three that walks read."""
        servers: dict[Key, Server] = {}
        unresolved: list[Name] = []
        for name in self.nameservers:
            found = self.of(name)
            for one in found:
                servers.setdefault(one.key, one)
            if (not found or name in self._worth) and name not in self._searches:
                unresolved.append(name)
        self.servers = tuple(servers.values())
        self.unresolved = tuple(unresolved)
        ends = [known.good_until for known in self._lent.values()]
        ends += [one.good_until for one in self._searches.values() if not one.running]
        self.due_at = min(ends, default=_NEVER)


def _joined(first: tuple[Server, ...], more: Iterable[Server]) -> tuple[Server, ...]:
    """*first*, and of *more* what is not in it."""
    fresh = tuple(one for one in more if one not in first)
    return (*first, *fresh) if fresh else first


@dataclass(slots=True)
class Delegation:
    """A zone cut and who serves it, as its parent says: *glue* came with the referral.

    *book* holds all addresses that are known now, *glue* among them.
    """

    zone: Name
    nameservers: tuple[Name, ...]
    glue: Mapping[Name, tuple[Server, ...]] = field(default_factory=dict)
    expires_at: float = 0.0
    ttl: float = 0.0  # seconds that it was to last when it was learnt; 0: not known
    is_forward: bool = False
    is_last_word: bool = False  # forwarders beside which nobody is asked and nothing looked up
    is_signed: bool = False
    is_opportunistic: bool = False  # clear text is asked where nobody encrypted answers
    filters: bool = False  # forwarders that block names on purpose
    block_pages: frozenset[bytes] = frozenset()  # addresses that they answer with in their place
    way: Name | None = None  # the forward or stub zone that it is or hangs below; None: public
    book: AddressBook = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.book = AddressBook(self.nameservers, self.glue)

    def given(self) -> tuple[Server, ...]:
        """The addresses that came with it, from its parent or the operator."""
        found = (one for name in self.nameservers for one in self.glue.get(name, _NONE))
        return tuple({one.key: one for one in found}.values())

    def servers(self) -> tuple[Server, ...]:
        """All addresses that may be asked now, each once."""
        return self.book.servers

    def unresolved(self) -> tuple[Name, ...]:
        """Nameservers to be looked up."""
        return self.book.unresolved
