"""captive: for some minutes the network's own name servers, to get past a portal.

All public names are asked of them, unvalidated, and nothing of it outlives that time; see
`daemon.captive`. It ends by itself, by `captive off`, by a reload, and in another network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import trio
from msgspec import Meta

from resolver.errors import ResolverError
from resolver.limits import CAPTIVE_SECONDS_RANGE
from resolver.operate.asked import seconds_of
from resolver.operate.verb import WORD, Arguments, Refused, Right, Verb, first

if TYPE_CHECKING:
    from resolver.operate.verb import Reply
    from resolver.operate.view import Running

_STATUS: Final = "status"
_OFF: Final = "off"


class CaptiveArguments(Arguments, frozen=True, kw_only=True):
    """Without a word: how it is."""

    time: Annotated[
        str, Meta(description="for how long: 5m, an hour at most; or off", max_length=16), WORD
    ] = _STATUS


async def captive(daemon: Running, given: CaptiveArguments) -> Reply:
    """*servers*: whom all public names are asked of now."""
    portal = daemon.captive
    try:
        if given.time == _OFF:
            await portal.end()
        elif given.time != _STATUS:
            await portal.begin(seconds_of(given.time, CAPTIVE_SECONDS_RANGE))
    except Refused:
        raise
    except ResolverError as error:
        raise Refused(str(error)) from None
    is_on = portal.is_on
    return {
        "is_on": is_on,
        "left_s": round(portal.until - trio.current_time()) if is_on else 0,
        "servers": list(portal.hosts) if is_on else [],
    }


CAPTIVE: Final = Verb(
    "captive", Right.ACT, "ask the network's own name servers for a while, to get past a portal",
    CaptiveArguments, captive, merge=first,
)  # fmt: skip
