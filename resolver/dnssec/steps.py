"""How the validator talks to its driver (`recurse.validation`): needs, work, findings, verdicts.

A validator step is a generator: it yields a tuple of `Need`s (satisfied together, sent back as a
dict of `Link`s, unvalidated), or a `Work` (charged to the budget, a chance to let the event loop
breathe; nothing is sent back), and returns its validated. No I/O, no clock, no cache of its own but
the `KeyStore` it is handed.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from resolver.model import Ede, Link, Name, RRset, Server, Status
    from resolver.protocol.rdata_fields import Rrsig


class Need(NamedTuple):
    """Fetch *rtype* (DS or DNSKEY) at *name*; the finding is an `Link`, or None if none came.

    *tries*: how many findings for this need did not verify: above zero, no cached one will do.
    *avoid*: the servers they came from; ask another, or find None.
    What the driver's own cache holds as `Status.SECURE` is not verified again.
    """

    name: Name
    rtype: int
    tries: int = 0
    avoid: tuple[Server, ...] = ()

    def again(self, finding: Link) -> Need:
        """The same need after *finding* did not verify."""
        avoid = self.avoid if finding.server is None else (*self.avoid, finding.server)
        return self._replace(tries=self.tries + 1, avoid=avoid)


class AtLeast(float):
    """A wall-clock time that is only known to be past: the clock is not set, or nobody vouches.

    What expired by then has expired; what expires later, or begins later, may be in force, and
    counts as being so: else a machine that boots in 1970 could not look its time server up.
    """

    __slots__ = ()


class Watch(Protocol):
    """Told what trust anchors' signatures say of the clock (`recurse.timekeeper`)."""

    def witness(self, rrsig: Rrsig) -> float:
        """*rrsig*, made by the zone of a trust anchor, was verified; returns the wall time now."""

    def is_plausible(self) -> bool:
        """Could the wall clock be right, by the kernel's word or by signatures in force?"""

    def suspect(self, sentence: str) -> None:
        """A trust anchor's keys were not in force at the wall time: *sentence* has both times."""


class Work(NamedTuple):
    """About to do *signatures* public-key checks and *hashes* NSEC3 or DS digests."""

    signatures: int = 0
    hashes: int = 0


class Validated(NamedTuple):
    """*status* of the link; *ttl_cap* seconds (signature expiry, original TTL), None: no cap.

    *secure* are the RRsets that were proven one by one (also of authority), with TTLs capped;
    *sentence* says for a human what was wrong: which RRset, which key, which time. *is_nodata*:
    the name that was said not to exist exists, but has none of the type. *denials*: what the chain
    of trust rested on besides: proofs that names on the way have no DS, whatever *status* is.
    *cut_proof*: what showed that the name lies below an unsigned cut, to be told with the link.
    """

    status: Status
    ttl_cap: int | None = None
    ede: tuple[Ede, ...] = ()
    secure: tuple[RRset, ...] = ()
    sentence: str = ""
    is_wildcard: bool = False
    is_nodata: bool = False
    denials: tuple[RRset, ...] = ()
    cut_proof: tuple[RRset, ...] = ()


Step: TypeAlias = tuple[Need, ...] | Work
Findings: TypeAlias = Mapping[Need, "Link | None"]
Validating: TypeAlias = Generator[Step, "Findings | None", Validated]
