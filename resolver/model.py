"""What travels along the path: Question → Delegation → Server → Verdict → Link → Answer.

Names are uncompressed wire octets, lower-cased; rdata is octets, its names decompressed.
TTLs are whole seconds; `expires_at` is on `Clock.now()`'s scale, deadlines are on trio's.
What is made per record is a NamedTuple (a third of a frozen dataclass's cost to make).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.delegation import Delegation, Server
from resolver.errors import Ede
from resolver.protocol.message import Message, Name, Question, RRset
from resolver.protocol.transport import OURSELVES, Client

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Answer",
    "Delegation",
    "Ede",
    "Link",
    "Name",
    "Query",
    "Question",
    "RRset",
    "Rank",
    "Referral",
    "Server",
    "Source",
    "Status",
    "Verdict",
    "View",
]


class Status(enum.Enum):
    """Security status (RFC 4035 §4.3); UNCHECKED until asked (what came under CD=1)."""

    UNCHECKED = "unchecked"
    INDETERMINATE = "indeterminate"
    INSECURE = "insecure"
    SECURE = "secure"
    BOGUS = "bogus"

    __hash__ = object.__hash__  # by identity: Enum's own is a Python function


NOT_JUDGED: Final = (Status.UNCHECKED, Status.BOGUS)  # never told once their time is over


class Source(enum.Enum):
    """Where an answer, or one link of it, came from."""

    CACHE = "cache"
    STALE = "stale"  # from a cache, after its time
    NETWORK = "network"
    LOCAL = "local"  # made here: local zones, class CHAOS
    BLOCKED = "blocked"  # a list says so, or a forwarder that filters
    REFUSED = "refused"  # policy did not let the query through

    __hash__ = object.__hash__


class Rank(enum.IntEnum):
    """Trust in data by where it stood in the message (RFC 2181 §5.4.1), lowest first."""

    HINT = 0
    ADDITIONAL = 1
    GLUE = 2
    REFERRAL = 3
    AUTHORITY = 4
    ANSWER = 5
    AUTH_AUTHORITY = 6
    AUTH_ANSWER = 7


class Verdict(enum.Enum):
    """What one reply is, seen from the zone cut that was asked."""

    ANSWER = "answer"
    CNAME = "cname"
    DNAME = "dname"
    NODATA = "nodata"
    NXDOMAIN = "nxdomain"
    REFERRAL = "referral"
    YXDOMAIN = "yxdomain"
    LAME = "lame"
    REFUSED = "refused"
    SERVFAIL = "servfail"
    FORMERR = "formerr"
    NOTIMP = "notimp"
    TRUNCATED = "truncated"
    USELESS = "useless"

    __hash__ = object.__hash__

    @property
    def is_usable(self) -> bool:
        """True if the walk can go on with this reply; else another server is asked."""
        return self in USABLE


USABLE: Final = frozenset(
    {
        Verdict.ANSWER,
        Verdict.CNAME,
        Verdict.DNAME,
        Verdict.NODATA,
        Verdict.NXDOMAIN,
        Verdict.REFERRAL,
        Verdict.YXDOMAIN,
    }
)


class Referral(NamedTuple):
    """A delegation as the parent states it; *proof* is its DS set, or the NSEC or NSEC3."""

    zone: Name
    nameservers: tuple[Name, ...]
    ttl: int
    glue: dict[Name, tuple[Server, ...]]
    proof: tuple[RRset, ...]


@dataclass(slots=True)
class Link:
    """What a zone says about a question: scrubbed, not yet validated.

    *answer*: RRsets in chain order, all from *zone* or below it. *authority*: SOA, NS, NSEC, NSEC3
    (negative answers, wildcard proofs, referral proofs). *server* is None if it came from a cache.
    """

    question: Question
    zone: Name
    verdict: Verdict
    rcode: int
    answer: tuple[RRset, ...] = ()
    authority: tuple[RRset, ...] = ()
    server: Server | None = None
    status: Status = Status.UNCHECKED
    ede: tuple[Ede, ...] = ()
    source: Source = Source.NETWORK


class View(NamedTuple):
    """A group of clients by name; *tag* is the number of what policy does to their queries.

    *tells_stale*: they may be told expired data.
    """

    name: str = "default"
    tag: int = 0
    tells_stale: bool = True


EVERYBODY: Final = View()


class Query(NamedTuple):
    """What one client asks: as it came, as it was read, who (*source*: the raw address), its view.

    *source* is empty, and so are the octets, for a question of our own, which no client has sent.
    """

    message: Message
    octets: bytes = b""
    client: Client = OURSELVES
    source: bytes = b""
    view: View = EVERYBODY

    @property
    def question(self) -> Question:
        return self.message.question


@dataclass(slots=True)
class Answer:
    """What the client is told, before its flags and EDNS shape it (`reply`).

    *sources*: of each link in turn, where it came from. *tsig*: a record, in octets, that ends the
    reply, or who signs it (RFC 8945 §5.1). *renew_after_s*: from then on a hit may have it renewed.
    *onward*: what policy has put in the place of the question, whose answer is to follow *answer*.
    *lasts*: policy says so of the name itself, and will until policy changes: the TTLs stand still.
    *is_truncated*: the client is to ask again over TCP. *way*: of a failure, the aliases that led
    to it, which the client is not told.
    """

    question: Question
    rcode: int
    answer: tuple[RRset, ...] = ()
    authority: tuple[RRset, ...] = ()
    additional: tuple[RRset, ...] = ()
    status: Status = Status.INDETERMINATE
    ede: tuple[Ede, ...] = ()
    lifetime_s: float = float("inf")
    is_authoritative: bool = False
    sources: tuple[Source, ...] = ()
    tsig: bytes | Callable[[bytes], bytes] = b""
    onward: Question | None = None
    is_truncated: bool = False
    way: tuple[RRset, ...] = ()
    renew_after_s: float = float("inf")
    lasts: bool = False

    @property
    def source(self) -> Source:
        """The farthest place that any of it came from."""
        for source in (Source.NETWORK, Source.STALE, Source.CACHE):
            if source in self.sources:
                return source
        return self.sources[0] if self.sources else Source.LOCAL


DROPPED: Final = Answer(Question(b"\0", 0), 0)
"""Of policy: the client is told nothing at all. Known by identity."""
