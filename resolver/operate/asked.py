"""Names and types as operators write them."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from resolver.model import Name, Question
from resolver.operate.verb import Refused
from resolver.protocol import names
from resolver.protocol.codes import META_TYPES

LONGEST_NAME: Final = 1024  # characters: every octet may be escaped
LONGEST_TYPE: Final = 16
NameText = Annotated[str, Meta(max_length=LONGEST_NAME)]
TypeText = Annotated[str, Meta(max_length=LONGEST_TYPE)]


def name_of(text: str) -> Name:
    """Raises Refused."""
    try:
        return names.from_text(text).lower()
    except ValueError as error:
        raise Refused(f"{text[:80]!r} is no domain name: {error}") from None


def type_of(text: str) -> int:
    """Raises Refused."""
    import dns.exception  # noqa: PLC0415  # seventy modules, for an operator's word
    import dns.rdatatype  # noqa: PLC0415

    try:
        rtype = int(dns.rdatatype.from_text(text))
    except (dns.exception.DNSException, ValueError):
        raise Refused(f"there is no record type {text!r}") from None
    if rtype in META_TYPES or not rtype:
        raise Refused(f"there are no records of type {text}")
    return rtype


def question_of(name: str, rtype: str) -> Question:
    """Raises Refused."""
    return Question(name_of(name), type_of(rtype))
