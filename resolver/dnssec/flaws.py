"""6 is it true: what can be wrong, as RFC 8914 numbers it and as a human reads it."""

from __future__ import annotations

import enum
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from resolver.model import Ede, Server, Status
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, type_text

if TYPE_CHECKING:
    from resolver.model import Name, RRset


NOBODY = Server("")  # what is wrong came from no server


class Reason(enum.Enum):
    """Why data is not secure; in rising order of how near it came to a proof."""

    UNSUPPORTED_ALGORITHM = enum.auto()
    UNSUPPORTED_DIGEST = enum.auto()
    NEGATIVE_ANCHOR = enum.auto()
    NSEC3_ITERATIONS = enum.auto()
    INDETERMINATE = enum.auto()
    BROKEN_CHAIN = enum.auto()
    RRSIGS_MISSING = enum.auto()
    NSEC_MISSING = enum.auto()
    MALFORMED = enum.auto()
    KEY_MISSING = enum.auto()
    NO_ZONE_KEY_BIT = enum.auto()
    REVOKED = enum.auto()
    NEVER_VALID = enum.auto()
    NOT_YET_VALID = enum.auto()
    EXPIRED = enum.auto()
    TOO_MUCH_WORK = enum.auto()
    BAD_SIGNATURE = enum.auto()


_EDE = {
    Reason.UNSUPPORTED_ALGORITHM: EdeCode.UNSUPPORTED_DNSKEY_ALGORITHM,
    Reason.UNSUPPORTED_DIGEST: EdeCode.UNSUPPORTED_DS_DIGEST,
    Reason.NEGATIVE_ANCHOR: EdeCode.NEGATIVE_TRUST_ANCHOR,
    Reason.NSEC3_ITERATIONS: EdeCode.UNSUPPORTED_NSEC3_ITERATIONS,
    Reason.INDETERMINATE: EdeCode.DNSSEC_INDETERMINATE,
    Reason.RRSIGS_MISSING: EdeCode.RRSIGS_MISSING,
    Reason.NSEC_MISSING: EdeCode.NSEC_MISSING,
    Reason.KEY_MISSING: EdeCode.DNSKEY_MISSING,
    Reason.NO_ZONE_KEY_BIT: EdeCode.NO_ZONE_KEY_BIT,
    Reason.NEVER_VALID: EdeCode.SIGNATURE_EXPIRED_BEFORE_VALID,
    Reason.NOT_YET_VALID: EdeCode.SIGNATURE_NOT_YET_VALID,
    Reason.EXPIRED: EdeCode.SIGNATURE_EXPIRED,
}


class Flaw(NamedTuple):
    """What is wrong, and the sentence that says so; *server*: where it came from, if known."""

    reason: Reason
    text: str
    server: Server | None = None

    @property
    def sentence(self) -> str:
        if self.server is None or not self.server.host:
            return self.text
        return f"{self.text} (from {names.to_text(self.server.nameserver)} {self.server.host})"

    @property
    def ede(self) -> Ede:
        return Ede(_EDE.get(self.reason, EdeCode.DNSSEC_BOGUS), self.sentence)

    def told(self, status: Status) -> tuple[Ede, ...]:
        """Why, and beside it the plain word for what is bogus, for those who look for that alone.

        RFC 8914 §2 lets several errors be told, §4.7 has EDE 6 for whatever ends as bogus.
        """
        if status is not Status.BOGUS or self.ede.code == EdeCode.DNSSEC_BOGUS:
            return (self.ede,)
        return (self.ede, Ede(EdeCode.DNSSEC_BOGUS))

    def heard_from(self, server: Server | None) -> Flaw:
        """The same, with the *server* it came from, unless that is told already."""
        return self._replace(server=server) if self.server is None else self

    @property
    def rank(self) -> int:
        """Of several flaws the one that came nearest to a proof tells most."""
        return self.reason.value


def worst(flaws: list[Flaw], otherwise: Flaw) -> Flaw:
    """The most telling of *flaws*; *otherwise* if there are none."""
    return max(flaws, key=lambda flaw: flaw.rank, default=otherwise)


def rrset_text(owner: Name, rtype: int) -> str:
    return f"{names.to_text(owner)} {type_text(rtype)}"


def describe(rrset: RRset) -> str:
    return rrset_text(rrset.owner, rrset.rtype)


def instant(seconds: float) -> str:
    """A wall-clock time as people and RFC 3339 write it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
