"""Why a peer's answer is not what the rules say: each difference belongs to one of these kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resolver.protocol.codes import Rcode
from tests.iterate.matrix_cases import Case, Proof, Said
from tests.iterate.matrix_rules import Right, Seen

if TYPE_CHECKING:
    from collections.abc import Callable

ALIASES = frozenset({Seen.ALIAS_IN, Seen.ALIAS_OUT, Seen.ALIAS_COPY})
_BOTH = (Said.DATA_ALIAS, Said.DATA_AFTER_ALIAS)
_NO_USE = (Seen.NEXT, Seen.SERVFAIL)
_DENIALS = (Seen.NODATA, Seen.NXDOMAIN)


class Difference(NamedTuple):
    """What a resolver's client got of a case, and what it should have got."""

    case: Case
    alone: bool
    right: Right
    seen: Seen
    is_secure: bool

    @property
    def should(self) -> Seen:
        return self.right.alone if self.alone else self.right.beside

    def __str__(self) -> str:
        place = "alone" if self.alone else "beside"
        got = self.seen.name + (" AD" if self.is_secure else "")
        return f"{self.case} [{place}] rules {self.right.rules}: {self.should.name}, got {got}"


class Reason(NamedTuple):
    """*source* says which rule leaves the choice, or what the peer makes of it."""

    label: str
    source: str
    holds: Callable[[Difference], bool]


def _is_signed(one: Difference) -> bool:
    return one.case.proof is not Proof.UNSIGNED


REASONS = (
    Reason(
        "the rcode's upper bits in OPT are not looked at",
        "RFC 6891 §6.1.3: sixteen and above read as NOERROR or as 7",
        lambda one: one.case.rcode > Rcode.NOTZONE,
    ),
    Reason(
        "YXDOMAIN is told to the client",
        "rule 2",
        lambda one: one.case.rcode == Rcode.YXDOMAIN and one.seen is Seen.ODD,
    ),
    Reason(
        "YXDOMAIN is read as NOERROR",
        "rule 2",
        lambda one: one.case.rcode == Rcode.YXDOMAIN and one.seen not in _NO_USE,
    ),
    Reason(
        "YXDOMAIN is of no use, even with an alias out of the zone",
        "rule 2",
        lambda one: one.case.rcode == Rcode.YXDOMAIN,
    ),
    Reason(
        "data and alias of one name are both told, or the data behind the alias",
        "rule 6: RFC 2181 §10.1 says what may not be, not what then holds",
        lambda one: one.case.answer in _BOTH and one.seen in (Seen.ODD, Seen.ALIAS_COPY),
    ),
    Reason(
        "NXDOMAIN, and the data of the name is told with it",
        "rule 5",
        lambda one: one.case.rcode == Rcode.NXDOMAIN and one.seen is Seen.ODD,
    ),
    Reason(
        "NXDOMAIN becomes NOERROR with the data of the name",
        "rule 5",
        lambda one: one.case.rcode == Rcode.NXDOMAIN and one.seen is Seen.DATA,
    ),
    Reason(
        "NXDOMAIN with NS of a child is a referral",
        "rule 3: the rcode is looked at last",
        lambda one: one.case.rcode == Rcode.NXDOMAIN and one.seen is Seen.CHILD,
    ),
    Reason(
        "NXDOMAIN with an answer, or without SOA, is of no use",
        "rules 4, 5",
        lambda one: (
            one.case.rcode == Rcode.NXDOMAIN
            and one.seen in _NO_USE
            and one.should in ALIASES | {Seen.NXDOMAIN, Seen.ALIAS_NXDOMAIN}
        ),
    ),
    Reason(
        "what is behind an alias is taken as it came",
        "rule 4: RFC 2181 §5.4.1",
        lambda one: one.seen in (Seen.ALIAS_COPY, Seen.ALIAS_NODATA, Seen.ALIAS_NXDOMAIN),
    ),
    Reason(
        "what is behind an alias is asked for, though it is proven",
        "rules 4, 13: one packet more",
        lambda one: one.seen is Seen.ALIAS_IN and one.should.name.startswith("ALIAS_"),
    ),
    Reason(
        "data or an alias without AA holds beside the NS of a child",
        "rule 3: RFC 2181 §5.4.1",
        lambda one: one.should is Seen.CHILD and one.seen in ALIASES | {Seen.DATA, Seen.ODD},
    ),
    Reason(
        "a referral with a foreign answer, or with AA, is of no use",
        "rule 3",
        lambda one: one.should is Seen.CHILD and one.seen in (*_NO_USE, *_DENIALS),
    ),
    Reason(
        "RA without AA, or a denial with neither AA nor SOA, counts at once",
        "rule 12: a choice, the truth may be one server further",
        lambda one: 12 in one.right.rules and one.seen is one.right.alone,
    ),
    Reason(
        "RA without AA, or a denial with neither AA nor SOA, never counts",
        "rule 12: a choice",
        lambda one: 12 in one.right.rules and one.seen in _NO_USE,
    ),
    Reason(
        "bogus: no other server is asked",
        "rule 13: RFC 4035 §5 leaves it open",
        lambda one: _is_signed(one) and one.should is Seen.NEXT and one.seen is Seen.SERVFAIL,
    ),
    Reason(
        "a denial of a signed zone holds without proof",
        "rule 13, not kept to: the DS of the name itself is asked, or nothing",
        lambda one: _is_signed(one) and one.seen in _DENIALS and one.should in _NO_USE,
    ),
    Reason(
        "NS that lead nowhere, or a foreign answer, are NODATA",
        "rules 9, 10",
        lambda one: one.seen is Seen.NODATA and one.should in _NO_USE,
    ),
    Reason(
        "NODATA without the zone's SOA, or beside a strange answer, is of no use",
        "rules 7, 8: a choice",
        lambda one: one.should is Seen.NODATA and one.seen in _NO_USE,
    ),
    Reason(
        "data from a wildcard holds though the name is proven to be there",
        "rule 13: RFC 4035 §5.3.4",
        lambda one: _is_signed(one) and one.case.answer is Said.WILDCARD and one.seen is Seen.DATA,
    ),
    Reason(
        "the answer is right, AD is not",
        "rule 13: RFC 4035 §3.2.3, RFC 5155 §9.2",
        lambda one: _is_signed(one) and one.seen is one.should,
    ),
    Reason(
        "what is proven is of no use beside what is not",
        "rule 13",
        lambda one: _is_signed(one) and one.seen in _NO_USE,
    ),
)


def reason_for(one: Difference) -> Reason | None:
    """The first that holds."""
    return next((reason for reason in REASONS if reason.holds(one)), None)
