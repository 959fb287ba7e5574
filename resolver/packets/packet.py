"""What the packet cache keeps: one reply, what replies have in common, and who shares them.

At a million packets the cost of a hit is waiting for memory. So a packet is one object with one
number of its own, the whole reply; all its other fields are shared with packets like it.
"""

from __future__ import annotations

import enum
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

import msgspec

from resolver.limits import PACKET_LAYOUTS, PER_SECOND_COPIES

if TYPE_CHECKING:
    from resolver.packets.form import Kind

NEVER_HIT: Final = -1


class Lasts(enum.Enum):
    """How long a reply is right, and so what its TTLs do."""

    AS_DATA = "as long as its data: TTLs run"
    AS_DATA_BLOCKED = "the same, of one that tells that a name is blocked for what it leads to"
    AS_POLICY_BLOCKED = "until policy changes: a name is blocked, and TTLs stand still"

    __hash__ = object.__hash__


class PacketLayout(NamedTuple):
    """What replies of one layout and length have in common."""

    octets: int  # behind the id
    ttl_mask: int  # 0: TTLs stand still
    room: int  # octets that options may add; -1: none may
    opt_octets: int


shared_layout = lru_cache(maxsize=PACKET_LAYOUTS)(PacketLayout)


class Packet(msgspec.Struct, gc=False):
    """One rendered reply, as the number that its octets behind the id make. Seconds are whole."""

    is_counted: ClassVar = False
    """Is it known each time that it is told?"""

    reply: int
    layout: PacketLayout
    born: int
    due: int  # from here on it is not served: expired, or to be renewed
    expires: int
    hit: int = NEVER_HIT  # when it was last served

    def octets_at(self, second: int) -> bytes:
        """The reply from behind its id, TTLs lowered. They cannot fall below zero before *due*."""
        octets, ttl_mask, _, _ = self.layout
        age = second - self.born
        return (self.reply - age * ttl_mask if age > 0 else self.reply).to_bytes(octets, "big")

    def renew(self, second: int) -> None:
        """Called when it is *due*: it goes on until it expires, once somebody else was asked."""
        if self.expires > second:
            self.due = self.expires


class Tally:
    """How often something was done."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class BlockedPacket(Packet, gc=False, kw_only=True):
    """One that tells that a name is blocked: each time it is told is counted, by who tells it from
    a copy."""

    is_counted: ClassVar = True
    tally: Tally

    def octets_at(self, second: int) -> bytes:
        self.tally.count += 1
        octets, ttl_mask, _, _ = self.layout  # written out: a call costs as much as all of this
        age = second - self.born
        return (self.reply - age * ttl_mask if age > 0 else self.reply).to_bytes(octets, "big")


class KnownShape(NamedTuple):
    """A form of query that was found fit. *octets* follow the name, its root label included.

    The key is *before*, the lower-cased name and *after*.
    """

    before: bytes
    after: bytes
    octets: int
    option: int
    limit: int
    has_opt: bool


class ClientKey:
    """What clients under one policy tag share on one kind of transport.

    *copies* are replies kept ready for the current second, octet for octet from behind the id;
    *copies_with_options* those that hold a cookie, by query and raw source address; *blocked_…*
    those of either that are counted.
    """

    __slots__ = (
        "blocked_copies", "blocked_with_options", "copies", "copies_with_options", "forms",
        "key_suffix", "kind", "payloads", "tag",
    )  # fmt: skip

    def __init__(self, tag: int | None, kind: Kind, key_suffix: bytes) -> None:
        self.tag = tag
        self.kind = kind
        self.key_suffix = key_suffix
        self.forms: dict[bytes, KnownShape] = {}
        self.payloads: dict[tuple[int, int], int] = {}  # flags and limit → payload size in keys
        self.copies: dict[bytes, bytes] = {}
        self.copies_with_options: dict[tuple[bytes, bytes], bytes] = {}
        self.blocked_copies: dict[bytes, bytes] = {}
        self.blocked_with_options: dict[tuple[bytes, bytes], bytes] = {}

    def keep_copy(self, asked: bytes, rest: bytes, *, is_counted: bool) -> None:
        """Keep the reply *rest* ready for queries that are *asked*, to the octet."""
        kept = self.blocked_copies if is_counted else self.copies
        if len(kept) < PER_SECOND_COPIES:
            kept[asked] = rest

    def keep_own_copy(self, asked: bytes, source: bytes, rest: bytes, *, is_counted: bool) -> None:
        """The same of a reply with a cookie, which is for one address."""
        kept = self.blocked_with_options if is_counted else self.copies_with_options
        if len(kept) < PER_SECOND_COPIES:
            kept[asked, source] = rest

    def drop_copies(self) -> None:
        """Drop the replies kept ready."""
        self.copies.clear()
        self.copies_with_options.clear()
        self.blocked_copies.clear()
        self.blocked_with_options.clear()
