"""drain, stop, restart: let clients go elsewhere, and end; or have others in our place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta

from resolver.limits import DRAIN_GRACE_RANGE, DRAIN_GRACE_SECONDS
from resolver.operate.verb import Arguments, Nothing, Refused, Right, Verb, first, summed

if TYPE_CHECKING:
    from resolver.operate.verb import Reply
    from resolver.operate.view import Running


class DrainArguments(Arguments, frozen=True, kw_only=True):
    """What `drain` takes."""

    undo: Annotated[bool, Meta(description="listen again")] = False
    grace: Annotated[
        float,
        Meta(
            ge=DRAIN_GRACE_RANGE[0],
            le=DRAIN_GRACE_RANGE[1],
            description="seconds, at most, for which who still comes is answered where somebody "
            "asks for health, so that routes move first; 0 closes at once",
        ),
    ] = DRAIN_GRACE_SECONDS


async def drain(daemon: Running, given: DrainArguments) -> Reply:
    """Close the listeners, answer what was asked there; or open them again. Raises ConfigError."""
    if given.undo:
        await daemon.undrain()
    elif not await daemon.drain(given.grace):
        raise Refused("it was undone meanwhile")
    return {"is_drained": not given.undo, "in_flight": daemon.in_flight}


async def stop(daemon: Running, _: Nothing) -> Reply:
    """As SIGTERM does."""
    daemon.stop()
    return {"in_flight": daemon.in_flight}


async def restart(daemon: Running, _: Nothing) -> Reply:
    """One worker after the other. Raises NotReloaded; Refused where there is one process only."""
    done = await daemon.make_anew()
    return {
        "workers": daemon.workers,
        "changes": [{"key": one.key, "effect": one.effect} for one in done.changes],
    }


DRAIN: Final = Verb(
    "drain", Right.ACT, "take no more queries, answer those that are there, and go on running",
    DrainArguments, drain, merge=summed,
)  # fmt: skip
RESTART: Final = Verb(
    "restart", Right.ACT, "make all workers anew, one after the other; nobody waits for it",
    Nothing, restart,
)  # fmt: skip
STOP: Final = Verb("stop", Right.ACT, "end, as SIGTERM does", Nothing, stop, merge=first)
