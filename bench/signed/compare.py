"""Two replies to one question: what of rcode, AD and answer is different."""

from __future__ import annotations

from typing import NamedTuple

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype


class Seen(NamedTuple):
    """What counts of a reply. *records* are (owner, type, rdata), names without case."""

    rcode: str
    ad: bool
    records: frozenset[tuple[str, str, str]]
    authority: frozenset[str] = frozenset()
    ede: str = ""

    @property
    def ede_code(self) -> int | None:
        """The first extended error's code (RFC 8914), if there is one."""
        words = self.ede.split()
        return int(words[1].rstrip(":")) if words else None

    def __str__(self) -> str:
        kinds: dict[str, int] = {}
        for _, rtype, _ in self.records:
            kinds[rtype] = kinds.get(rtype, 0) + 1
        shown = " ".join(f"{count} {rtype}" for rtype, count in sorted(kinds.items()))
        proof = " ".join(sorted(self.authority))
        return f"{self.rcode}{' AD' if self.ad else ''} [{shown}] [{proof}] {self.ede}".rstrip()


SILENCE = Seen("silence", ad=False, records=frozenset())


def seen(reply: bytes | None) -> Seen:
    if reply is None:
        return SILENCE
    try:
        message = dns.message.from_wire(reply)
    except dns.exception.DNSException as error:
        return Seen(f"malformed ({error})", ad=False, records=frozenset())
    records = frozenset(
        (str(rrset.name).lower(), dns.rdatatype.to_text(rrset.rdtype), str(rdata).lower())
        for rrset in message.answer
        for rdata in rrset
    )
    ede = " ".join(option.to_text() for option in message.options if option.otype == 15)
    is_authentic = bool(message.flags & dns.flags.AD)
    proof = frozenset(dns.rdatatype.to_text(rrset.rdtype) for rrset in message.authority)
    return Seen(dns.rcode.to_text(message.rcode()), is_authentic, records, proof, ede)


def differences(ours: Seen, theirs: Seen) -> tuple[str, ...]:
    """Which of rcode, AD, answer and authority types differ; empty if none does."""
    if ours.rcode == theirs.rcode == "SERVFAIL":
        return ()  # Unbound may add data to it, which nobody may use (RFC 2308 §7.1)
    found = []
    if ours.rcode != theirs.rcode:
        found.append("rcode")
    if ours.ad != theirs.ad:
        found.append("ad")
    if ours.records != theirs.records:
        found.append("answer")
    if ours.authority != theirs.authority:
        found.append("authority")
    return tuple(found)
