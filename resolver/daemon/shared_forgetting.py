"""Forgetting in what machines share, on an operator's word (flush).

A name alone has few keys, which its own beginning tells; for all below one, or all denials, all
keys are looked through, some at a time. Other machines still know what they have in memory.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Final

import trio

from resolver.cache import record
from resolver.errors import SharedFailed
from resolver.limits import SHARED_FORGET_SECONDS, SHARED_LOOKUPS_AT_ONCE, SHARED_SCAN
from resolver.protocol import names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolver.cache.shared import Shared
    from resolver.cache.store_forget import Meant
    from resolver.daemon.valkey_client import ValkeyClient

_SPECIAL: Final = b"*?[]\\^-"  # in a pattern of SCAN


async def forget(client: ValkeyClient, shared: Shared, meant: Meant) -> int:
    """Delete what is *meant*. How many keys that were. Raises SharedFailed."""
    gone = 0
    with trio.move_on_after(SHARED_FORGET_SECONDS) as scope:
        async with aclosing(client.scan(_pattern(shared, meant))) as found:
            async for keys in found:
                there = [key for key in keys if _is_meant(shared, key, meant)]
                if meant.only_denials:
                    there = await _denials(client, there)
                gone += await forget_keys(client, there)
    if scope.cancelled_caught:
        raise SharedFailed(f"no end after {SHARED_FORGET_SECONDS:g} s, {gone} keys are gone")
    return gone


async def forget_keys(client: ValkeyClient, keys: Sequence[bytes]) -> int:
    """Delete *keys*; how many there were. Raises SharedFailed."""
    gone = 0
    for start in range(0, len(keys), SHARED_SCAN):
        gone += await client.forget(keys[start : start + SHARED_SCAN])
    return gone


def _pattern(shared: Shared, meant: Meant) -> bytes:
    text = names.to_text(meant.name).encode()
    start = b"" if not meant.below else b"*"
    if meant.name == names.ROOT and meant.below:
        text = b""
    inner = start + _escaped(text) + (b"}*" if text else b"")
    return _escaped(shared.prefix) + b"{" + inner


def _escaped(text: bytes) -> bytes:
    return b"".join(b"\\" + bytes((one,)) if one in _SPECIAL else bytes((one,)) for one in text)


def _is_meant(shared: Shared, key: object, meant: Meant) -> bool:
    name = shared.whose_untrusted(key)
    return name is not None and meant(name)


async def _denials(client: ValkeyClient, keys: Sequence[bytes]) -> list[bytes]:
    found = []
    for start in range(0, len(keys), SHARED_LOOKUPS_AT_ONCE):
        some = keys[start : start + SHARED_LOOKUPS_AT_ONCE]
        for key, value in zip(some, await client.get(some), strict=True):
            if (
                isinstance(value, bytes)
                and record.place_untrusted(value)[0] == record.Kind.NEGATIVE
            ):
                found.append(key)
    return found
