"""What is right for each case of the matrix, from the words of the RFCs; where they leave a choice,
what the peers do is noted.

1.  RFC 1034 §5.3.3 step 4d: an error code, or a reply that makes no sense, sends the question to
    another server; where there is none left, to SERVFAIL.
2.  RFC 6672 §2.2 makes YXDOMAIN of a DNAME whose target grows too long; RFC 2136 §2.2 knows it
    only of updates. Without the DNAME it makes no sense. An alias that leads out of the zone may
    hide the DNAME: that alias holds.
    Choice: Unbound tells the client YXDOMAIN, BIND and Knot read the rest as if it were NOERROR,
    to PowerDNS it is of no use even with such an alias.
3.  RFC 1034 §4.3.2 step 3b, §5.3.3 step 4b: NOERROR with the NS of a zone nearer to the name, and
    no answer, is a referral. RFC 2181 §5.4.1: without AA, data that comes with it is glue, the
    child's own counts. With AA the data is the server's own (it serves the child, too).
4.  RFC 1034 §3.6.2: an alias at the name is followed, whatever the rcode: that is the last name's
    (RFC 6604 §3). RFC 2181 §5.4.1: nothing but the alias is sure to be the server's own, so that
    data or denial of its target is not taken from there, unless it is proven (RFC 4035 §5).
    Choice: Unbound, BIND and PowerDNS ask for the target even then; Knot believes data in the zone.
5.  RFC 2308 §2.1: NXDOMAIN denies the name. Data of the very name beside it does not undo that.
    Choice: Unbound and Knot tell the data with NXDOMAIN, PowerDNS makes NOERROR of it, to BIND such
    a reply is of no use.
6.  RFC 1034 §5.3.3 step 4a: data of the name and type is the answer. RFC 2181 §10.1: beside an
    alias it should not be; what stands first holds.
    Choice: so do Unbound and BIND; Knot and PowerDNS tell both.
7.  RFC 2308 §2.2: NOERROR, no data of the name, and the zone's SOA is NODATA.
8.  RFC 2308 §2.2 type 3: without SOA it is NODATA too, if no NS make it a referral; with AA the
    NS of the zone itself do not. RFC 2308 §5: then it is not to be kept for long. The SOA of the
    zone above is a server's mistake about where its zone begins, not about the name; one of
    another zone is passed over if the server says AA.
9.  RFC 1034 §5.3.3: NS of the zone without AA, of one above or beside it lead nowhere: lame.
10. RFC 5452 §6: what is said of names in other zones is no answer; and one that answers about
    somebody else's name has not been asked.
11. RFC 2181 §5.4.1: additional data never is an answer.
12. RFC 1034 §4.3.1, RFC 2181 §5.4.1: RA without AA is what somebody heard; so is a denial with
    neither AA nor the zone's SOA, which servers give that know nothing of the zone. Other servers
    are asked first, and if they have nothing to say it counts.
    Choice: for the four it mostly counts at once.
13. RFC 4035 §5: in a signed zone nothing counts that is not proven: other servers are asked, and
    in the end it is SERVFAIL. AD where all of it is proven (§3.2.3). A denial beside data of the
    name, or data of it from a wildcard, contradicts itself: its proof is none. RFC 5155 §9.2: what
    rests on an opt-out NSEC3 that covers the name is not AD.
14. RFC 1034 §4.3.1: a forwarder is asked for the whole answer, it follows aliases for us: the
    end of its chain counts, data, and denial with SOA; a denial there without one is asked for
    again. It never refers, and rule 12 is not for it: RA without AA is what it has to say.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from resolver.protocol.codes import Rcode, RRType
from tests.iterate.matrix_cases import Beside, Case, Proof, Said
from tests.iterate.matrix_world import CHILD, ODD, TARGET, TARGET_OUT, TRUTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolver.model import RRset

_DATA_FIRST = {Said.DATA, Said.WILDCARD, Said.DATA_ALIAS}
_IN_ZONE = {Said.ALIAS, Said.ALIAS_DATA, Said.DATA_AFTER_ALIAS, Said.DATA_ALIAS}
_OUT = {Said.ALIAS_OUT, Said.ALIAS_OUT_DATA}
_LAME = {Beside.NS_PARENT, Beside.NS_OTHER, Beside.NS_ROOT}


class Seen(enum.Enum):
    """What the client gets."""

    DATA = "the reply's data"
    ALIAS_IN = "alias, target asked in the zone"
    ALIAS_OUT = "alias, target asked elsewhere"
    ALIAS_COPY = "alias, target's data as it came"
    ALIAS_NODATA = "alias, NODATA of its target"
    ALIAS_NXDOMAIN = "alias, NXDOMAIN of its target"
    CHILD = "the child's data"
    NODATA = "NODATA"
    NXDOMAIN = "NXDOMAIN"
    NEXT = "what the next server says"
    SERVFAIL = "SERVFAIL"
    ODD = "something else"


class Right(NamedTuple):
    """*beside* another server that tells the truth, and *alone*; *rules* by number."""

    beside: Seen
    alone: Seen
    rules: tuple[int, ...]


def right(case: Case) -> Right:
    """The right outcome of *case*."""
    seen, rule = _reading(case)
    if seen is None:
        return Right(Seen.NEXT, Seen.SERVFAIL, (rule,))
    if case.proof is not Proof.UNSIGNED:
        seen = _proven(case, seen)
        if seen is None:
            return Right(Seen.NEXT, Seen.SERVFAIL, (rule, 13))
    if _is_last_resort(case, seen):
        return Right(Seen.NEXT, seen, (rule, 12))
    return Right(seen, seen, (rule,))


def right_of_forwarder(case: Case) -> Seen:
    """The right outcome where the reply is a forwarder's, and it has the zone to itself."""
    seen, _ = _reading(case)
    if seen is Seen.CHILD:
        seen = _forwarded(case)
    if seen is Seen.ALIAS_IN:
        if case.rcode == Rcode.NOERROR and case.answer is Said.ALIAS_DATA:
            return Seen.ALIAS_COPY
        if case.authority is Beside.SOA:
            is_denied = case.rcode == Rcode.NXDOMAIN
            return Seen.ALIAS_NXDOMAIN if is_denied else Seen.ALIAS_NODATA
    return seen or Seen.SERVFAIL


def _forwarded(case: Case) -> Seen | None:
    """NOERROR with NS of a child: what it says besides, and nothing if it would only refer."""
    if case.answer in _DATA_FIRST:
        return Seen.DATA
    if case.answer in _IN_ZONE | _OUT:
        return Seen.ALIAS_IN if case.answer in _IN_ZONE else Seen.ALIAS_OUT
    return None


def _reading(case: Case) -> tuple[Seen | None, int]:
    """What the reply says, None if it is of no use, and by which rule."""
    if case.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN, Rcode.YXDOMAIN):
        return None, 1
    if case.rcode == Rcode.YXDOMAIN:
        return (Seen.ALIAS_OUT, 2) if case.answer in _OUT else (None, 2)
    if case.rcode == Rcode.NOERROR:
        is_answered = case.answer in _DATA_FIRST | _IN_ZONE | _OUT
        if case.authority is Beside.NS_CHILD and not (is_answered and case.aa):
            return Seen.CHILD, 3
        if case.answer in _DATA_FIRST:
            return Seen.DATA, 6
    if case.answer in _IN_ZONE | _OUT:
        return Seen.ALIAS_IN if case.answer in _IN_ZONE else Seen.ALIAS_OUT, 4
    return (Seen.NXDOMAIN, 5) if case.rcode == Rcode.NXDOMAIN else _nothing_said(case)


def _nothing_said(case: Case) -> tuple[Seen | None, int]:
    """NOERROR without data of the name."""
    if case.authority in (Beside.SOA, Beside.BARE_SOA):
        return Seen.NODATA, 7
    if case.answer is Said.FOREIGN:
        return None, 10
    if case.authority in _LAME or (case.authority is Beside.NS and not case.aa):
        return None, 9
    if case.authority is Beside.SOA_OTHER and not case.aa:
        return None, 8
    return Seen.NODATA, 8


def _is_last_resort(case: Case, seen: Seen) -> bool:
    if case.aa or seen is Seen.CHILD:
        return False
    has_soa = case.authority in (Beside.SOA, Beside.BARE_SOA)
    return case.ra or (seen in (Seen.NODATA, Seen.NXDOMAIN) and not has_soa)


def _proven(case: Case, seen: Seen) -> Seen | None:
    """What is left of it where the zone is signed: what it is, or more of it, or nothing."""
    if seen in (Seen.NODATA, Seen.NXDOMAIN):
        is_contradicted = case.answer in _DATA_FIRST
        if is_contradicted and case.authority is Beside.NS_CHILD:
            return seen  # its proof is none, and the name turns out to be a cut without DS
        return seen if case.authority is Beside.SOA and not is_contradicted else None
    is_wildcards = seen is Seen.DATA and case.answer is Said.WILDCARD
    if is_wildcards and case.authority is Beside.NS_CHILD and case.proof is not Proof.OPT_OUT:
        return None  # the name is there, as a cut: no wildcard makes it (opt-out leaves that open)
    if seen is Seen.ALIAS_IN and case.answer is Said.ALIAS_DATA and case.rcode == Rcode.NOERROR:
        return Seen.ALIAS_COPY
    if seen is Seen.ALIAS_IN and case.authority is Beside.SOA and case.answer is Said.ALIAS:
        return Seen.ALIAS_NXDOMAIN if case.rcode == Rcode.NXDOMAIN else Seen.ALIAS_NODATA
    return seen


def is_secure(case: Case, seen: Seen) -> bool:
    """AD: the zone is signed, and so is all that was told."""
    if case.proof is Proof.UNSIGNED or seen in (Seen.ALIAS_OUT, Seen.CHILD, Seen.SERVFAIL):
        return False
    rests_on_absence = seen in (Seen.NXDOMAIN, Seen.ALIAS_NXDOMAIN) or (
        seen is Seen.DATA and case.answer is Said.WILDCARD
    )
    if seen is Seen.NXDOMAIN and case.authority is Beside.NS_CHILD:
        return False
    return not (case.proof is Proof.OPT_OUT and rests_on_absence)


_BY_ADDRESS = {
    ODD: Seen.DATA,
    TRUTH: Seen.NEXT,
    CHILD: Seen.CHILD,
    TARGET: Seen.ALIAS_IN,
    TARGET_OUT: Seen.ALIAS_OUT,
}


def told(rcode: int, answer: Sequence[RRset]) -> Seen:
    """What a client was told, by rcode and the last address in the answer."""
    types = tuple(rrset.rtype for rrset in answer)
    is_alias = RRType.CNAME in types
    if rcode == Rcode.NOERROR and types[-1:] == (RRType.A,) and len(types) == 1 + is_alias:
        seen = _BY_ADDRESS[answer[-1].rdatas[0]]
        return Seen.ALIAS_COPY if is_alias and seen is Seen.DATA else seen
    denials = {
        (Rcode.NOERROR, ()): Seen.NODATA,
        (Rcode.NXDOMAIN, ()): Seen.NXDOMAIN,
        (Rcode.NOERROR, (RRType.CNAME,)): Seen.ALIAS_NODATA,
        (Rcode.NXDOMAIN, (RRType.CNAME,)): Seen.ALIAS_NXDOMAIN,
    }
    return denials.get((rcode, types), Seen.ODD)
