"""lists, lists test; allow, block, pause: what lists say, and what an operator wants for a while.

What is set here ends by itself, and is there after a restart if it has not ended by then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec import Meta, field

from resolver.limits import (
    LIST_ALLOWED,
    LIST_OVERRIDE_SECONDS,
    LIST_OVERRIDE_SECONDS_RANGE,
    LIST_PAUSE_SECONDS,
    LIST_PAUSE_SECONDS_RANGE,
)
from resolver.operate.asked import LONGEST_NAME, LONGEST_TYPE, name_of, seconds_of, type_of
from resolver.operate.verb import WORD, Arguments, Nothing, Refused, Right, Verb, first
from resolver.protocol import names

if TYPE_CHECKING:
    from resolver.model import Name
    from resolver.operate.verb import Reply
    from resolver.operate.view import Running

_LONGEST_CLIENT: Final = 64
_ON: Final = "on"
_OFF: Final = "off"
_STATUS: Final = "status"
_LIST: Final = "list"


class TestArguments(Arguments, frozen=True, kw_only=True):
    """A name, and for whom."""

    name: Annotated[str, Meta(description="name to look up", max_length=LONGEST_NAME), WORD]
    type: Annotated[str, Meta(description="record type", max_length=LONGEST_TYPE), WORD] = "A"
    client: Annotated[str, Meta(description="address of a client", max_length=_LONGEST_CLIENT)] = ""


class WhileArguments(Arguments, frozen=True, kw_only=True):
    """The list, or a name, and for how long."""

    name: Annotated[
        str, Meta(description='a name, with all below it; or "list"', max_length=LONGEST_NAME), WORD
    ] = _LIST
    for_: Annotated[
        str, Meta(description="for how long: 90s, 30m, 1h30m, 2d (a week at most)", max_length=16)
    ] = field(default=f"{LIST_OVERRIDE_SECONDS:g}s", name="for")
    off: Annotated[bool, Meta(description="no longer")] = False


class PauseArguments(Arguments, frozen=True, kw_only=True):
    """Without a word: how it is."""

    time: Annotated[
        str,
        Meta(description="for how long: 10m, a day at most; on is 10m; or off", max_length=16),
        WORD,
    ] = _STATUS


async def show(daemon: Running, _: Nothing) -> Reply:
    """*age_s*: since the text was last good; None if there never was one."""
    return {"lists": list(daemon.lists.rows()), **_pause(daemon)}


async def tested(daemon: Running, given: TestArguments) -> Reply:
    """Which list says what of a name, and on which line."""
    return await daemon.lists.tested(name_of(given.name), type_of(given.type), given.client)


async def allow(daemon: Running, given: WhileArguments) -> Reply:
    """Let a name through."""
    return await _while(daemon, given, daemon.overrides.allowed, daemon.lists.let_through)


async def block(daemon: Running, given: WhileArguments) -> Reply:
    """Block a name."""
    return await _while(daemon, given, daemon.overrides.blocked, daemon.lists.block)


async def _while(
    daemon: Running, given: WhileArguments, there: dict[Name, float], act: Any
) -> Reply:
    wall = daemon.parts.clock.wall()
    if given.name == _LIST:
        rows = [
            {"name": names.to_text(name), "left_s": round(until - wall)}
            for name, until in sorted(there.items())
        ]
        return {"names": rows}
    name = name_of(given.name)
    if given.off:
        if name not in there:
            raise Refused(f"{names.to_text(name)} was not set by control")
        await act(name, None)
        return {"name": names.to_text(name), "left_s": 0}
    if name not in there and len(there) >= LIST_ALLOWED:
        raise Refused(f"there are {len(there)} already; more belong into a list")
    seconds = seconds_of(given.for_, LIST_OVERRIDE_SECONDS_RANGE)
    await act(name, wall + seconds)
    return {"name": names.to_text(name), "left_s": round(seconds)}


async def pause(daemon: Running, given: PauseArguments) -> Reply:
    """Block nothing for a while."""
    if given.time == _OFF:
        await daemon.lists.pause(None)
    elif given.time != _STATUS:
        text = f"{LIST_PAUSE_SECONDS:g}s" if given.time == _ON else given.time
        seconds = seconds_of(text, LIST_PAUSE_SECONDS_RANGE)
        await daemon.lists.pause(daemon.parts.clock.wall() + seconds)
    return _pause(daemon)


def _pause(daemon: Running) -> Reply:
    until = daemon.overrides.paused_until
    left = max(0.0, until - daemon.parts.clock.wall()) if until else 0.0
    return {"is_paused": left > 0, "paused_left_s": round(left)}


LISTS: Final = (
    Verb(
        "lists show", Right.LOOK, "block and allow lists: how many names, how old", Nothing, show,
        merge=first,
    ),
    Verb(
        "lists test", Right.LOOK, "which list says what of a name", TestArguments, tested,
        merge=first,
    ),
    Verb(
        "block", Right.ACT, "block a name and all below it for a while", WhileArguments, block,
        merge=first,
    ),
    Verb(
        "allow", Right.ACT, "have no list block a name for a while", WhileArguments, allow,
        merge=first,
    ),
    Verb(
        "pause", Right.ACT, "block nothing for a while", PauseArguments, pause, merge=first
    ),
)  # fmt: skip
