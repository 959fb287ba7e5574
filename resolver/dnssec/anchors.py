"""6 is it true: where trust starts (anchors, at any name) and where it is waived (negative ones).

An anchor is what an operator vouches for: DS or DNSKEY rdata of one name. The one closest above a
name counts, for better or worse (RFC 6840 §5.10 lets us choose). A negative trust anchor (RFC 7646)
makes everything below its name insecure until it expires; at the same name it beats an anchor.
Reads zone-file lines; fetches nothing.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.rdata_fields import key_tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from resolver.model import Name

# The root's key signing keys, as IANA publishes them (https://data.iana.org/root-anchors/) and
# Debian's dns-root-data ships them: 20326 signs since 2018, 38696 from October 2026.
BUILTIN_ROOT_KEYS = """
. IN DNSKEY 257 3 8 AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixH
    lFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBx
    WezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTId
    sIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU=
. IN DNSKEY 257 3 8 AwEAAa96jeuknZlaeSrvyAJj6ZHv28hhOKkx3rLGXVaC6rXTsDc449/cidltpkyGwCJNnOAl
    FNKF2jBosZBU5eeHspaQWOmOElZsjICMQMC3aeHbGiShvZsx4wMYSjH8e7Vrhbu6irwCzVBApESjbUdpWWmEnhathWu1
    jo+siFUiRAAxm9qyJNg/wOZqqzL/dL/q8PkcRU5oUKEpUge71M3ej2/7CPqpdVwuMoTvoB+ZOT4YeGyxMvHmbrxlFzGO
    HOijtzN+u1TQNatX2XBuzZNQ1K+s2CXkPIZo7s6JgZyvaBevYtxPvYLw4z9mR7K2vaF18UYH9Z9GNUUeayffKC73PYc=
""".replace("\n    ", " ")
BUILTIN_ROOT_DS = """
. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
. IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
"""
_ALGORITHMS = {
    "RSASHA1": 5,
    "RSASHA1-NSEC3-SHA1": 7,
    "NSEC3RSASHA1": 7,
    "RSASHA256": 8,
    "RSASHA512": 10,
    "ECDSAP256SHA256": 13,
    "ECDSAP384SHA384": 14,
    "ED25519": 15,
    "ED448": 16,
}
_TYPES = {"DS": RRType.DS, "DNSKEY": RRType.DNSKEY}
_DIGEST_OCTETS = {1: 20, 2: 32, 3: 32, 4: 48}  # SHA-1, SHA-256, GOST, SHA-384 (RFC 8624 §3.3)


class AnchorRecord(NamedTuple):
    """One DS or DNSKEY that an operator vouches for."""

    name: Name
    rtype: int
    rdata: bytes


class Anchor(NamedTuple):
    """All anchors of one name; any one of them is enough (RFC 6840 §5.11)."""

    name: Name
    ds: tuple[bytes, ...] = ()
    keys: tuple[bytes, ...] = ()

    def key_tags(self) -> frozenset[int]:
        """Tags of the keys that are trusted here (RFC 8509 asks for them)."""
        tags = {int.from_bytes(rdata[:2], "big") for rdata in self.ds}
        return frozenset(tags | {key_tag(rdata) for rdata in self.keys})


@dataclass(slots=True)
class Anchors:
    """Every anchor and negative anchor of this resolver. *generation* rises with each change."""

    by_name: dict[Name, Anchor] = field(default_factory=dict)
    negative: dict[Name, float] = field(default_factory=dict)
    generation: int = 0

    @classmethod
    def of(
        cls, records: Iterable[AnchorRecord], negative: Iterable[tuple[Name, float]] = ()
    ) -> Anchors:
        """From *records*, and negative anchors with the wall-clock times at which they lapse."""
        made = cls(negative=dict(negative))
        made.add(records)
        return made

    def add(self, records: Iterable[AnchorRecord]) -> None:
        for name, rtype, rdata in records:
            anchor = self.by_name.get(name, Anchor(name))
            if rtype == RRType.DS and rdata not in anchor.ds:
                anchor = anchor._replace(ds=(*anchor.ds, rdata))
            elif rtype == RRType.DNSKEY and rdata not in anchor.keys:
                anchor = anchor._replace(keys=(*anchor.keys, rdata))
            self.by_name[name] = anchor
        self.generation += 1

    def replace(self, anchor: Anchor) -> None:
        """Put *anchor* in the place of what stood at its name (RFC 5011 found a new set).

        One without any record deletes the trust point (RFC 5011 §5).
        """
        if not anchor.ds and not anchor.keys:
            self.generation += self.by_name.pop(anchor.name, None) is not None
        elif self.by_name.get(anchor.name) != anchor:
            self.by_name[anchor.name] = anchor
            self.generation += 1

    def add_negative(self, name: Name, expires_at_wall: float) -> None:
        self.negative[name] = expires_at_wall
        self.generation += 1

    def closest(self, name: Name) -> Anchor | None:
        """The anchor at *name* or closest above it."""
        anchors = self.by_name
        anchor = anchors.get(name)
        while anchor is None and name != names.ROOT:
            name = names.parent(name)
            anchor = anchors.get(name)
        return anchor

    def is_topmost(self, name: Name) -> bool:
        """True for an anchor's name with no other anchor above it."""
        if name not in self.by_name:
            return False
        return name == names.ROOT or self.closest(names.parent(name)) is None

    def waived(self, name: Name, wall: float) -> Name | None:
        """The negative anchor that makes *name* insecure: no anchor is closer to it."""
        if not self.negative:
            return None
        for up in names.ancestors(name):
            if self.negative.get(up, 0.0) > wall:
                return up
            if up in self.by_name:
                return None
        return None


def builtin_root() -> Anchors:
    """Anchors with the root's keys, as DS and DNSKEY records."""
    return Anchors.of(parse_text(BUILTIN_ROOT_KEYS + BUILTIN_ROOT_DS))


def parse_text(text: str) -> list[AnchorRecord]:
    """DS and DNSKEY records of a zone file's form: `name [ttl] [class] type rdata`, one a line.

    Parentheses continue a line, `;` starts a comment. Raises ValueError with the wrong line.
    """
    return [_record(tokens) for tokens in _entries(text)]


def _entries(text: str) -> Iterator[list[str]]:
    tokens: list[str] = []
    depth = 0
    for line in text.splitlines():
        bare = line.split(";", 1)[0]
        depth += bare.count("(") - bare.count(")")
        tokens += bare.replace("(", " ").replace(")", " ").split()
        if depth <= 0 and tokens:
            yield tokens
            tokens, depth = [], 0
    if tokens:
        yield tokens


def _record(tokens: list[str]) -> AnchorRecord:
    at = next((i for i, token in enumerate(tokens[1:4], 1) if token.upper() in _TYPES), None)
    if at is None:
        raise ValueError(f"no DS or DNSKEY record: {' '.join(tokens)[:80]!r}")
    name, rtype, fields = names.from_text(tokens[0]), _TYPES[tokens[at].upper()], tokens[at + 1 :]
    try:
        rdata = _ds(fields) if rtype == RRType.DS else _dnskey(fields)
    except (ValueError, IndexError, OverflowError, binascii.Error) as error:
        raise ValueError(f"cannot read {' '.join(tokens)[:80]!r}: {error}") from error
    return AnchorRecord(name, rtype, rdata)


def _algorithm(text: str) -> int:
    return _ALGORITHMS.get(text.upper()) or int(text)


def _ds(fields: list[str]) -> bytes:
    tag, algorithm, digest_type = int(fields[0]), _algorithm(fields[1]), int(fields[2])
    digest = bytes.fromhex("".join(fields[3:]))
    octets = _DIGEST_OCTETS.get(digest_type, 1)
    if len(digest) < octets:  # cut off in copying: it would never match a key
        raise ValueError(f"a digest of type {digest_type} has {octets} octets, not {len(digest)}")
    return tag.to_bytes(2, "big") + bytes((algorithm, digest_type)) + digest


def _dnskey(fields: list[str]) -> bytes:
    flags, protocol, algorithm = int(fields[0]), int(fields[1]), _algorithm(fields[2])
    key = base64.b64decode("".join(fields[3:]), validate=True)
    return flags.to_bytes(2, "big") + bytes((protocol, algorithm)) + key
