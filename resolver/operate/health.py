"""health: whether this machine should attract traffic, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta

from resolver.operate.verb import Arguments, Right, Verb

if TYPE_CHECKING:
    from resolver.operate.verb import Reply
    from resolver.operate.view import Running


class HealthArguments(Arguments, frozen=True, kw_only=True):
    """What `health` takes."""

    own: Annotated[
        bool, Meta(description="what this one process says of itself, without a verdict")
    ] = False


async def health(daemon: Running, given: HealthArguments) -> Reply:
    """`is_healthy`, `reasons` why not, and each condition."""
    return daemon.own_health() if given.own else await daemon.health()


HEALTH: Final = Verb(
    "health", Right.LOOK, "whether this machine should attract traffic", HealthArguments, health
)
