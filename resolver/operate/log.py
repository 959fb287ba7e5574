"""log level, log reopen: how much is logged from now on, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from msgspec import Meta

from resolver.operate.verb import WORD, Arguments, Nothing, Refused, Right, Verb, first

if TYPE_CHECKING:
    from resolver.operate.verb import Reply
    from resolver.operate.view import Running


class LevelArguments(Arguments, frozen=True, kw_only=True):
    """What `log level` takes."""

    level: Annotated[
        Literal["error", "warning", "info", "debug"],
        Meta(description="how much; debug has a line for each query, with its name and client"),
        WORD,
    ]


async def level(daemon: Running, given: LevelArguments) -> Reply:
    """Until the configuration says otherwise, or the daemon is started again."""
    return {"level": given.level, "before": daemon.log_at(given.level)}


async def reopen(daemon: Running, _: Nothing) -> Reply:
    """For who moves log files away. Raises Refused where the new file cannot be had."""
    reopened, troubles = daemon.reopen_log()
    if troubles:
        raise Refused("; ".join(troubles))
    return {"reopened": reopened}


LEVEL: Final = Verb(
    "log level", Right.ACT, "log so much from now on", LevelArguments, level, merge=first
)
REOPEN: Final = Verb(
    "log reopen", Right.ACT, "open the log file anew", Nothing, reopen, merge=first
)
