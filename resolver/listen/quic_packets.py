"""The first look at a QUIC datagram: which connection it is for, and what it wants to begin.

Only what stands before the encryption (RFC 8999; RFC 9000 §17), so that a flood of strangers costs
microseconds a piece and no object of the library's. Pure.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from resolver.errors import WireError

VERSION_1: Final = 0x0000_0001  # RFC 9000
VERSION_2: Final = 0x6B33_43CF  # RFC 9369
VERSIONS: Final = (VERSION_1, VERSION_2)
ID_OCTETS: Final = 8  # of the connection ids that we give out
_LONG: Final = 0x80
_FIXED: Final = 0x40
_LONGEST_ID: Final = 20
_INITIAL: Final = {VERSION_1: 0x00, VERSION_2: 0x10}
_TYPE: Final = 0x30


class Head(NamedTuple):
    """*version* is 0 in a short header. *token* is what an Initial packet proves an address with;
    None in all other packets."""

    version: int
    destination: bytes
    source: bytes = b""
    token: bytes | None = None

    @property
    def is_known_version(self) -> bool:
        """True if it is of a version that we speak, or of a connection that has agreed on one."""
        return self.version in VERSIONS or not self.version

    @property
    def is_initial(self) -> bool:
        """True if it can begin a connection."""
        return self.token is not None


def read_head_untrusted(data: bytes) -> Head:
    """The header of the first packet in a datagram. Raises WireError where there is none for us.

    A version negotiation packet, which only servers send, is none: it must not be answered.
    """
    if len(data) <= ID_OCTETS:
        raise WireError("too short for QUIC")
    if not data[0] & _LONG:
        if not data[0] & _FIXED:
            raise WireError("no QUIC packet")
        return Head(0, data[1 : 1 + ID_OCTETS])
    version = int.from_bytes(data[1:5], "big")
    destination, at = _id(data, 5)
    source, at = _id(data, at)
    if version not in VERSIONS:
        if not version:
            raise WireError("version negotiation")
        return Head(version, destination, source)
    if not data[0] & _FIXED or max(len(destination), len(source)) > _LONGEST_ID:
        raise WireError("no QUIC packet")
    if data[0] & _TYPE != _INITIAL[version]:
        return Head(version, destination, source)
    length, at = _integer(data, at)
    if at + length > len(data):
        raise WireError("a token is cut short")
    return Head(version, destination, source, data[at : at + length])


def _id(data: bytes, at: int) -> tuple[bytes, int]:
    """A connection id behind its length (RFC 8999 §5.1)."""
    if at >= len(data) or at + 1 + data[at] > len(data):
        raise WireError("a connection id is cut short")
    end = at + 1 + data[at]
    return data[at + 1 : end], end


def _integer(data: bytes, at: int) -> tuple[int, int]:
    """A number of 1, 2, 4 or 8 octets (RFC 9000 §16)."""
    if at >= len(data) or at + (octets := 1 << (data[at] >> 6)) > len(data):
        raise WireError("a number is cut short")
    value = int.from_bytes(data[at : at + octets], "big")
    return value & ((1 << (8 * octets - 2)) - 1), at + octets


def version_negotiation(head: Head, first: int) -> bytes:
    """What is said to who speaks another version (RFC 9000 §17.2.1). *first*: a random octet.

    Always shorter than what asks for it.
    """
    return b"".join(
        (
            bytes([first | _LONG]), bytes(4),
            bytes([len(head.source)]), head.source,
            bytes([len(head.destination)]), head.destination,
            *(version.to_bytes(4, "big") for version in VERSIONS),
        )
    )  # fmt: skip
