"""Config → what is done about translators (NAT64): which prefixes count, how servers are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from resolver.protocol import nat64

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.config.schema import Config, Outgoing
    from resolver.protocol.nat64 import Prefix
    from resolver.upstream.translating import FoundPrefixes, Translating

FOUND: Final = "auto"


def prefixes_of(text: str, found: FoundPrefixes) -> Callable[[], tuple[Prefix, ...]] | None:
    """What a key that is a prefix or "auto" stands for, now; None: it is off."""
    if not text:
        return None
    if text == FOUND:
        return lambda: found.now
    given = (nat64.prefix(text),)
    return lambda: given


def is_searched(config: Config) -> bool:
    """Is a prefix to be found?"""
    return FOUND in (config.dns64.prefix, config.outgoing.nat64)


def outgoing_of(config: Config) -> Outgoing:
    """`[outgoing]` as those who ask servers go by it: IPv4 servers count where they are reached
    through a translator."""
    outgoing = config.outgoing
    return replace(outgoing, ipv4=True) if outgoing.nat64 else outgoing


def go_by(config: Config, translating: Translating) -> None:
    """Have servers asked as *config* says, from the next packet on."""
    outgoing = config.outgoing
    prefixes = prefixes_of(outgoing.nat64, translating.found)
    if prefixes is None:
        translating.go_straight()
    else:
        is_native_first = outgoing.nat64 == FOUND and outgoing.ipv4
        translating.go_through(prefixes, is_native_first=is_native_first)
