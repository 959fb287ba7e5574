"""flush: forget names, all denials, what is bogus, or what is known of servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta

from resolver.operate.asked import LONGEST_NAME, name_of
from resolver.operate.verb import WORD, Arguments, Misused, Right, Verb, summed

if TYPE_CHECKING:
    from resolver.operate.verb import Reply
    from resolver.operate.view import Running


class FlushArguments(Arguments, frozen=True, kw_only=True):
    """One of them."""

    name: Annotated[str, Meta(description="name to forget", max_length=LONGEST_NAME), WORD] = ""
    below: Annotated[bool, Meta(description="with all names below it")] = False
    all: Annotated[bool, Meta(description="all names")] = False
    negative: Annotated[bool, Meta(description="all denials and failures")] = False
    bogus: Annotated[
        bool, Meta(description="what failed validation, and the keys with which it did")
    ] = False
    servers: Annotated[bool, Meta(description="round-trip times and habits of all servers")] = False


async def flush(daemon: Running, given: FlushArguments) -> Reply:
    """How many entries went, by where they were."""
    kinds = {
        "all": daemon.forget_all,
        "negative": daemon.forget_denials,
        "bogus": daemon.forget_bogus,
        "servers": daemon.forget_servers,
    }
    wanted = [kind for kind in kinds if getattr(given, kind)]
    if bool(given.name) + len(wanted) != 1:
        raise Misused("flush takes a NAME, or one of --all, --negative, --bogus and --servers")
    if given.below and not given.name:
        raise Misused("--below goes with a NAME")
    if given.name:
        forgotten = await daemon.forget(name_of(given.name), below=given.below)
    else:
        forgotten = await kinds[wanted[0]]()
    return {"forgotten": forgotten}


FLUSH: Final = Verb(
    "flush", Right.ACT, "forget a name, or all, in memory and on disk", FlushArguments, flush,
    merge=summed,
)  # fmt: skip
