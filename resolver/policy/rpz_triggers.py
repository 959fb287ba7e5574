"""Triggers of response policy zones: owner names ↔ what a query or an answer is looked up by.

    bad.example        QNAME              32.1.2.0.192.rpz-ip          address in an answer
    *.bad.example      QNAME, below       24.0.2.0.192.rpz-client-ip   who asks
    ns.bad.rpz-nsdname name of a server   48.zz.db8.2001.rpz-nsip      address of a server

Owners are relative to the zone. A key is an octet that says which kind, and the name without its
root, or the prefix: its length, and the address, 4 or 16 octets. draft-vixie-dnsop-dns-rpz §4.
Pure.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.errors import WireError
from resolver.protocol import names

if TYPE_CHECKING:
    from resolver.model import Name

_CLIENT: Final = b"rpz-client-ip"
_ANSWER: Final = b"rpz-ip"
_NSDNAME: Final = b"rpz-nsdname"
_NSIP: Final = b"rpz-nsip"
_ZEROS: Final = b"zz"
_WORDS: Final = 8  # of an IPv6 address
_OCTETS: Final = 4  # of an IPv4 address
_LONGEST_WORD: Final = 4
_LONGEST_NUMBER: Final = 3
_MOST: Final = 255
_HEX: Final = frozenset(b"0123456789abcdef")


class Kind(enum.IntEnum):
    """What sets a rule off; the first octet of its key. In a zone the lower number counts."""

    CLIENT = 1
    QNAME = 2
    QNAME_BELOW = 3
    ANSWER = 4
    NSDNAME = 5
    NSDNAME_BELOW = 6
    NSIP = 7

    @property
    def word(self) -> str:
        """As BIND and Unbound call it, for people."""
        return _CALLED[self]


_CALLED: Final = {
    Kind.CLIENT: "client-ip",
    Kind.QNAME: "qname",
    Kind.QNAME_BELOW: "qname",
    Kind.ANSWER: "response-ip",
    Kind.NSDNAME: "nsdname",
    Kind.NSDNAME_BELOW: "nsdname",
    Kind.NSIP: "nsip",
}
_ADDRESS_KINDS: Final = {_CLIENT: Kind.CLIENT, _ANSWER: Kind.ANSWER, _NSIP: Kind.NSIP}


class Prefix(NamedTuple):
    """A network: its first address, *octets*, 4 or 16, and how many *bits* of it count."""

    octets: bytes
    bits: int


def name_key(kind: Kind, name: Name) -> bytes:
    """The key of a name's rule."""
    return bytes((kind,)) + name[:-1]


def prefix_key(kind: Kind, prefix: Prefix) -> bytes:
    """The key of a network's rule."""
    return bytes((kind, prefix.bits)) + prefix.octets


def key_of(trigger: Name) -> bytes:
    """The key of *trigger*, an owner relative to its zone. Raises WireError for one that is none.

    O(labels). The zone's own name is none.
    """
    if trigger == names.ROOT:
        raise WireError("the zone's own name triggers nothing")
    if b"rpz-" not in trigger:  # nearly all
        return _by_name(trigger, Kind.QNAME, Kind.QNAME_BELOW)
    *labels, word = names.labels(trigger)
    if word in _ADDRESS_KINDS:
        return prefix_key(_ADDRESS_KINDS[word], prefix_of(labels))
    if word == _NSDNAME:
        if not labels:
            raise WireError("no name of a server")
        return _by_name(names.from_labels(tuple(labels)), Kind.NSDNAME, Kind.NSDNAME_BELOW)
    return _by_name(trigger, Kind.QNAME, Kind.QNAME_BELOW)


def _by_name(name: Name, exact: Kind, below: Kind) -> bytes:
    if names.is_wildcard(name):
        return name_key(below, name[2:])
    return name_key(exact, name)


def trigger_of(key: bytes) -> Name:
    """The owner, relative to its zone, whose key is *key*; the reverse of `key_of`."""
    kind, rest = Kind(key[0]), key[1:]
    if kind in (Kind.CLIENT, Kind.ANSWER, Kind.NSIP):
        word = next(word for word, one in _ADDRESS_KINDS.items() if one is kind)
        return names.from_labels((*labels_of(Prefix(rest[1:], rest[0])), word))
    name = rest + names.ROOT
    if kind in (Kind.QNAME_BELOW, Kind.NSDNAME_BELOW):
        name = b"\x01*" + name
    if kind in (Kind.NSDNAME, Kind.NSDNAME_BELOW):
        name = names.from_labels((*names.labels(name), _NSDNAME))
    return name


# --- networks as labels ------------------------------------------------------------------------


def prefix_of(labels: list[bytes]) -> Prefix:
    """The network that *labels* mean: how many bits, then the address back to front.

    Raises WireError where they mean none, or where the address has bits behind the prefix: whoever
    wrote it meant another network, and a wider one must not be blocked by mistake.
    """
    if not labels:
        raise WireError("no address")
    length, *parts = labels
    octets = _address(parts[::-1])
    bits, width = _number(length), len(octets) * 8
    if not 0 < bits <= width:
        raise WireError(f"a prefix of {_shown(length)} bits; 1 to {width} there are")
    if int.from_bytes(octets, "big") & ((1 << (width - bits)) - 1):
        raise WireError(f"the address has more bits than the prefix of {bits}")
    return Prefix(octets, bits)


def labels_of(prefix: Prefix) -> list[bytes]:
    """The labels that mean *prefix*; the longest run of zeros of an IPv6 address is one `zz`."""
    length = b"%d" % prefix.bits
    if len(prefix.octets) == _OCTETS:
        return [length, *(b"%d" % octet for octet in reversed(prefix.octets))]
    words = [b"%x" % int.from_bytes(prefix.octets[at : at + 2], "big") for at in range(0, 16, 2)]
    start, size = _longest_zeros(words)
    if size > 1:
        words[start : start + size] = [_ZEROS]
    return [length, *reversed(words)]


def _longest_zeros(words: list[bytes]) -> tuple[int, int]:
    """Where the longest run of zeros begins, and how long it is; the first of equals."""
    best, start = (0, 0), -1
    for at, word in enumerate([*words, b"end"]):
        if word == b"0":
            start = at if start < 0 else start
        elif start >= 0:
            if at - start > best[1]:
                best = start, at - start
            start = -1
    return best


def _address(parts: list[bytes]) -> bytes:
    if len(parts) == _OCTETS and _ZEROS not in parts:
        return bytes(_octet(part) for part in parts)
    if _ZEROS in parts:
        at = parts.index(_ZEROS)
        missing = _WORDS - len(parts) + 1
        if _ZEROS in parts[at + 1 :] or missing < 1:
            raise WireError("an address with too many words")
        parts = [*parts[:at], *[b"0"] * missing, *parts[at + 1 :]]
    if len(parts) != _WORDS:
        raise WireError(f"an address of {len(parts)} labels; 4 or 8 there are")
    return b"".join(_word(part).to_bytes(2, "big") for part in parts)


def _octet(part: bytes) -> int:
    value = _number(part)
    if value > _MOST:
        raise WireError(f"{_shown(part)} is no octet of an address")
    return value


def _number(part: bytes) -> int:
    if not part.isdigit() or len(part) > _LONGEST_NUMBER:
        raise WireError(f"{_shown(part)} is no number of an address")
    return int(part)


def _word(part: bytes) -> int:
    if not 0 < len(part) <= _LONGEST_WORD or not _HEX.issuperset(part):
        raise WireError(f"{_shown(part)} is no word of an address")
    return int(part, 16)


def _shown(part: bytes) -> str:
    return part[:20].decode("ascii", "replace")
