"""Records as the configuration has them: zone-file lines → owner, type, TTL, octets.

By dnspython, which knows every type; it is loaded only where there are such lines. A name without
its last dot is absolute all the same, a record without a TTL has LOCAL_TTL_SECONDS, and lines may
be indented: each record names its owner.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.limits import LOCAL_TTL_SECONDS
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.protocol.names import Name

_WHERE: Final = re.compile(r"^<\w+>:\d+: ?")
_NOT_TEXT: Final = re.compile(r'"(?:[^"\\]|\\.)*"|;.*')  # of which parentheses do not count
_TARGETS: Final = frozenset({RRType.CNAME, RRType.PTR, RRType.NS, RRType.DNAME})
_EXPECTED: Final = 'a record such as "nas.home.arpa. 60 A 192.168.1.10"'


class LocalRecord(NamedTuple):
    """One of them; the owner lower-cased, and so the name that an alias leads to."""

    owner: Name
    rtype: int
    ttl: int
    rdata: bytes


class BadRecord(ValueError):
    """A line that does not parse: its *number* from 1 on, its *text*, what was *expected*."""

    def __init__(self, number: int, text: str, expected: str) -> None:
        super().__init__(f"line {number}: {text!r}: {expected}")
        self.number = number
        self.text = text
        self.expected = expected


@lru_cache(maxsize=16)
def local_records(text: str) -> tuple[LocalRecord, ...]:
    """The records of *text*. Raises BadRecord for the first that does not parse."""
    return tuple(record for number, entry in _entries(text) for record in _records(number, entry))


def bad_records(text: str) -> Iterator[BadRecord]:
    """All that do not parse."""
    for number, entry in _entries(text):
        try:
            list(_records(number, entry))
        except BadRecord as bad:
            yield bad


def _entries(text: str) -> Iterator[tuple[int, str]]:
    """Each record with the number of the line on which it begins: parentheses span lines."""
    begun, open_at, depth = list[str](), 0, 0
    for number, line in enumerate(text.splitlines(), start=1):
        bare = _NOT_TEXT.sub("", line)
        if not bare.strip() and not begun:
            continue
        open_at = open_at or number
        depth += bare.count("(") - bare.count(")")
        begun.append(line)
        if depth <= 0:
            yield open_at, "\n".join(begun).strip()
            begun, open_at, depth = [], 0, 0
    if begun:
        yield open_at, "\n".join(begun).strip()


def _records(number: int, entry: str) -> Iterator[LocalRecord]:
    import dns.exception  # noqa: PLC0415 - see above
    import dns.rdataclass  # noqa: PLC0415
    import dns.zonefile  # noqa: PLC0415

    try:
        found = dns.zonefile.read_rrsets(
            entry, rdclass=None, default_ttl=LOCAL_TTL_SECONDS, origin="."
        )
    except (dns.exception.DNSException, ValueError, UnicodeError, OverflowError) as error:
        raise _bad(number, entry, _WHERE.sub("", str(error))) from None
    if not found or any(rrset.rdclass != dns.rdataclass.IN for rrset in found):
        raise _bad(number, entry, "a record of class IN")
    for rrset in found:
        owner, rtype = (rrset.name.to_wire() or b"").lower(), int(rrset.rdtype)
        for rdata in rrset:
            octets = rdata.to_wire() or b""
            lowered = octets.lower() if rtype in _TARGETS else octets
            yield LocalRecord(owner, rtype, rrset.ttl, lowered)


def _bad(number: int, entry: str, reason: str) -> BadRecord:
    return BadRecord(number, entry.splitlines()[0], f"{_EXPECTED} ({reason})")
