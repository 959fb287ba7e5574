"""Why we answer some questions otherwise than Unbound, on purpose: each class with its RFC.

A difference that fits none of these is a fault, ours until shown otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.signed.compare import Seen
    from bench.signed.questions import Asked


class Difference(NamedTuple):
    """One question that got two answers; *parts* as `compare.differences` names them."""

    asked: Asked
    ours: Seen
    theirs: Seen
    parts: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.asked} ({', '.join(self.parts)}): ours {self.ours}; Unbound {self.theirs}"


class Reason(NamedTuple):
    """A class of differences: *source* is what makes ours right."""

    label: str
    source: str
    fits: Callable[[Difference], bool]


def _unchecked_under_cd(found: Difference) -> bool:
    return found.parts == ("ad",) and "cd" in found.asked.flags


def _data_under_cd(found: Difference) -> bool:
    """Unbound remembers for five seconds that it failed, and then tells those who set CD too."""
    is_served = found.ours.rcode in {"NOERROR", "NXDOMAIN"} and found.theirs.rcode == "SERVFAIL"
    return is_served and "cd" in found.asked.flags


def _proof_under_cd(found: Difference) -> bool:
    """A wildcard's proof that does not verify: ours as it came, Unbound's without."""
    return found.parts == ("authority",) and "cd" in found.asked.flags


def _alias_asked_for(found: Difference) -> bool:
    """Ours is the CNAME, as asked; Unbound follows it, or fails where a DNAME made it."""
    asked, ours = found.asked, found.ours
    kinds = {(owner, rtype) for owner, rtype, _ in ours.records}
    is_plain = ours.rcode == "NOERROR" and not ours.authority
    return asked.rtype == "CNAME" and is_plain and (asked.name, "CNAME") in kinds


def _denial_beside_alias(found: Difference) -> bool:
    """Unbound follows the CNAME that stands where an NSEC was asked for."""
    aliases = [
        sum(rtype == "CNAME" for _, rtype, _ in seen.records) for seen in (found.ours, found.theirs)
    ]
    is_followed = aliases[1] > aliases[0] or found.theirs.rcode == "SERVFAIL"
    return found.asked.rtype == "NSEC" and is_followed


def _bare_wildcard(found: Difference) -> bool:
    """Knot expands a wildcard's own NSEC, and sends nothing to prove that it had to."""
    kinds = {(owner, rtype) for owner, rtype, _ in found.theirs.records}
    is_refused = found.ours.rcode == "SERVFAIL" and found.ours.ede_code in {12, None}
    is_bare = is_refused or ("cd" in found.asked.flags and not found.ours.authority)
    return found.asked.rtype == "NSEC" and is_bare and (found.asked.name, "NSEC") in kinds


def _needless_proof(found: Difference) -> bool:
    """Unbound passes a proof on that came along; nothing in the answer is from a wildcard."""
    is_extra = found.parts == ("authority",) and not found.ours.authority and found.ours.ad
    signatures = [(owner, text) for owner, rtype, text in found.ours.records if rtype == "RRSIG"]
    is_plain = all(int(text.split()[2]) == owner.count(".") for owner, text in signatures)
    return is_extra and bool(signatures) and is_plain


def _redirected(found: Difference) -> bool:
    """A DNAME asked for below another: Unbound fails, or takes one for the other."""
    is_below = any(
        rtype == "DNAME" and found.asked.name != owner for owner, rtype, _ in found.ours.records
    )
    return found.asked.rtype == "DNAME" and is_below


def _weak_digest(found: Difference) -> bool:
    return found.asked.name.endswith("badsha256.hash.") and _is_stricter(found)


def _revoked_key(found: Difference) -> bool:
    return found.asked.name.endswith("revokedonly.hash.") and _is_stricter(found)


def _is_stricter(found: Difference) -> bool:
    is_bogus = found.ours.rcode == "SERVFAIL" and found.theirs.rcode in {"NOERROR", "NXDOMAIN"}
    return is_bogus or _unchecked_under_cd(found)


REASONS = (
    Reason(
        "under CD nothing is validated: AD is set only for what the cache holds as validated",
        "RFC 4035 §3.2.2, §3.2.3",
        _unchecked_under_cd,
    ),
    Reason(
        "who sets CD gets the data, also after it has failed validation",
        "RFC 4035 §3.2.2; RFC 6840 §5.9",
        _data_under_cd,
    ),
    Reason(
        "who sets CD gets a proof that does not verify as it came",
        "RFC 6840 §5.9",
        _proof_under_cd,
    ),
    Reason(
        "a CNAME that was asked for, also one that a DNAME makes, is the answer: not followed",
        "RFC 1034 §4.3.2 step 3a; RFC 6672 §3.2; RFC 6604 §3",
        _alias_asked_for,
    ),
    Reason(
        "an NSEC that was asked for stands beside a CNAME, which is not followed",
        "RFC 4035 §2.5",
        _denial_beside_alias,
    ),
    Reason(
        "an NSEC made from a wildcard needs the proof that nothing is closer",
        "RFC 4035 §3.1.3.3, §5.3.4",
        _bare_wildcard,
    ),
    Reason(
        "a proof that the answer does not need is left out",
        "RFC 4035 §3.1.3",
        _needless_proof,
    ),
    Reason(
        "a question for a DNAME is redirected by a DNAME above, as any other",
        "RFC 6672 §2.3, §3.2",
        _redirected,
    ),
    Reason(
        "a SHA-1 digest does not save a DS set whose SHA-256 digest is wrong",
        "RFC 4509 §3",
        _weak_digest,
    ),
    Reason(
        "a revoked key is good for nothing but its own revocation",
        "RFC 5011 §2.1",
        _revoked_key,
    ),
)


def reason_for(found: Difference) -> Reason | None:
    return next((reason for reason in REASONS if reason.fits(found)), None)
