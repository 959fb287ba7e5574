"""What asking tells those who watch: one event per try, one per message, and plain counters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from resolver.model import Name, Question, Server
    from resolver.protocol.transport import Transport


class Tried(NamedTuple):
    """One packet and what became of it. *outcome* is a verdict's value, or what went wrong."""

    question: Question
    zone: Name
    server: Server
    transport: Transport
    rtt_s: float | None
    outcome: str


class InstanceChanged(NamedTuple):
    """Another instance answers at a server's address: *before* and *after*, as text.

    *zone*: the cut that was asked, b"" where nobody waits any more. *since_s*: for how long the one
    before did. Round trips are seconds; *before*'s at its best.
    """

    server: Server
    zone: Name
    before: str
    after: str
    since_s: float
    rtt_before_s: float
    rtt_s: float
    was_unstable: bool
    is_unstable: bool


class Crossed(NamedTuple):
    """A *query* went to a server (*reply* None), or its *reply* came, *since_s* after it: octets.

    Whatever was made of it. *zone*: the cut that was asked, b"" where nobody waits any more.
    *instance*: of the server that replied, as text, if it is known.
    """

    server: Server
    transport: Transport
    zone: Name
    query: bytes
    reply: bytes | None = None
    since_s: float = 0.0
    instance: str = ""


@dataclass(slots=True)
class UpstreamCounters:
    """Since the start; read by telemetry."""

    COUNTS: ClassVar = {
        "asked": "Questions to the servers of a zone cut.",
        "answered": "Of those, the ones that had a usable reply.",
        "failed": "Of those, the ones for which no server had one.",
        "sent_udp": "Packets sent to servers.",
        "sent_tcp": "Queries sent to servers over TCP.",
        "races": "Questions that began at two servers at once.",
        "probes": "Packets to servers that are not the best known, to see whether they are now.",
        "hedges": "Packets to a second server because the first was slower than usual.",
        "retries": "Packets to another server after the first was silent.",
        "shared": "Questions that joined one already on its way to the same server.",
        "late": "Replies that came when nobody waited for them any more.",
        "expired": "Packets that no reply came to in time.",
        "unreachable": "Packets that the network said could not be delivered.",
        "mismatched": "Replies that did not match what was asked: late, broken or forged.",
        "case_mismatched": "Replies that matched but for the case of the letters in the name.",
        "out_of_memory": "Batches of replies lost because memory ran out.",
        "truncated": "Replies that were cut short and asked for again over TCP.",
        "edns_fallbacks": "Questions asked again without EDNS.",
        "bad_cookies": "Replies that wanted another cookie (BADCOOKIE).",
        "last_resorts": "Questions answered by a reply that was better than none.",
        "useless": "Replies that could not be used: lame, refused, failed, malformed.",
        "outages": "Times that nobody answered any more.",
        "witnesses": "Packets to servers that used to answer: is it a zone, or our link?",
        "turned_away": "Questions that failed at once: too many wait for a silent zone.",
        "instance_changes": "Times that another instance of a server answered than before.",
        "no_descriptors": "Packets that found no free socket.",
    }

    asked: int = 0
    answered: int = 0
    failed: int = 0
    sent_udp: int = 0
    sent_tcp: int = 0
    races: int = 0
    probes: int = 0
    hedges: int = 0
    retries: int = 0
    shared: int = 0
    late: int = 0
    expired: int = 0
    unreachable: int = 0
    mismatched: int = 0
    case_mismatched: int = 0
    out_of_memory: int = 0
    truncated: int = 0
    edns_fallbacks: int = 0
    bad_cookies: int = 0
    last_resorts: int = 0
    useless: int = 0
    outages: int = 0
    witnesses: int = 0
    turned_away: int = 0
    instance_changes: int = 0
    no_descriptors: int = 0
