"""Which ready replies are wrong by now, where some zones are resolved in another way. Pure.

A reply tells of the name that was asked, and where an alias leads on, of others too. The latter are
not followed: whatever does not begin with the records that were asked for counts as wrong, and is
asked for once more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from resolver.model import Name
    from resolver.packets.packet import Packet

_NAME_AT: Final = 10  # behind the id: in a key as in a reply
_ANSWERS: Final = slice(4, 6)
_TYPE: Final = 2  # octets
_TYPE_AND_CLASS: Final = 4
_NONE: Final = b"\0\0"
_NAME_ASKED: Final = b"\xc0\x0c"  # RFC 1035 §4.1.4: a pointer to the question


def is_outdated(
    key: bytes,
    packet: Packet,
    is_wrong: Callable[[Name], bool],
    types: AbstractSet[int] = frozenset(),
) -> bool:
    """Is it for a name that *is_wrong*, or may it tell of one? Or of one of *types*? O(octets).

    *key*: as `packets.cache` makes them.
    """
    end = key.index(0, _NAME_AT) + 1
    if is_wrong(key[_NAME_AT:end]):
        return True
    if types and int.from_bytes(key[end : end + _TYPE], "big") in types:
        return True
    reply = packet.reply.to_bytes(packet.layout.octets, "big")
    records = end + _TYPE_AND_CLASS
    return (
        reply[_ANSWERS] != _NONE
        and reply[records : records + 2 * _TYPE] != _NAME_ASKED + key[end : end + _TYPE]
    )
