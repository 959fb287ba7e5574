"""Names, types and times as operators write them."""

from __future__ import annotations

import re
from typing import Final

from resolver.model import Name, Question
from resolver.operate.verb import Misused
from resolver.protocol import names
from resolver.protocol.codes import META_TYPES
from resolver.protocol.ip_addresses import address_octets
from resolver.runtime.duration import duration

LONGEST_NAME: Final = 1024  # characters: every octet may be escaped
LONGEST_TYPE: Final = 16
_UNITS: Final = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PART: Final = re.compile(r"(\d{1,9}) ?([a-z]*)")
_DURATION: Final = re.compile(r"\d{1,9}|(?:\d{1,9} ?[a-z]+ ?)+")


def name_of(text: str) -> Name:
    """Raises Misused."""
    try:
        return names.from_text(text).lower()
    except ValueError as error:
        raise Misused(f"{text[:80]!r} is no domain name: {error}") from None


def type_of(text: str) -> int:
    """Raises Misused."""
    import dns.exception  # noqa: PLC0415  # seventy modules, for an operator's word
    import dns.rdatatype  # noqa: PLC0415

    try:
        rtype = int(dns.rdatatype.from_text(text))
    except (dns.exception.DNSException, ValueError):
        raise Misused(f"there is no record type {text!r}") from None
    if rtype in META_TYPES or not rtype:
        raise Misused(f"there are no records of type {text}")
    return rtype


def client_of(text: str) -> bytes:
    """The raw address of a client, b"" for none. Raises Misused."""
    try:
        return address_octets(text) if text else b""
    except ValueError:
        raise Misused(f"{text!r} is no address") from None


def question_of(name: str, rtype: str) -> Question:
    """Raises Misused."""
    return Question(name_of(name), type_of(rtype))


def seconds_of(text: str, between: tuple[float, float]) -> float:
    """A time as 90s, 30m, 1h30m or 2d, no less and no more than *between*. Raises Misused."""
    given, (least, most) = text.strip().lower(), between
    parts = [(int(count), _UNITS.get(unit, 0)) for count, unit in _PART.findall(given)]
    units = [unit for _, unit in parts]
    is_time = _DURATION.fullmatch(given) and all(units) and units == sorted(set(units))[::-1]
    seconds = sum(count * unit for count, unit in parts)
    if not is_time or not least <= seconds <= most:
        example = f"from {duration(least)} to {duration(most)}, as 90s, 30m, 1h30m or 2d"
        raise Misused(f"{text[:32]!r} is no time {example}")
    return float(seconds)
