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
