"""drain, stop: let clients go elsewhere, and end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta

from resolver.operate.verb import Arguments, Nothing, Right, Verb, first, summed

if TYPE_CHECKING:
    from resolver.operate.verb import Reply
    from resolver.operate.view import Running


class DrainArguments(Arguments, frozen=True, kw_only=True):
    """What `drain` takes."""

    undo: Annotated[bool, Meta(description="listen again")] = False


async def drain(daemon: Running, given: DrainArguments) -> Reply:
    """Close the listeners, answer what was asked there; or open them again. Raises ConfigError."""
    if given.undo:
        await daemon.undrain()
    else:
        await daemon.drain()
    return {"is_drained": not given.undo, "in_flight": daemon.in_flight}


async def stop(daemon: Running, _: Nothing) -> Reply:
    """As SIGTERM does."""
    daemon.stop()
    return {"in_flight": daemon.in_flight}


DRAIN: Final = Verb(
    "drain", Right.ACT, "take no more queries, answer those that are there, and go on running",
    DrainArguments, drain, merge=summed,
)  # fmt: skip
STOP: Final = Verb("stop", Right.ACT, "end, as SIGTERM does", Nothing, stop, merge=first)
