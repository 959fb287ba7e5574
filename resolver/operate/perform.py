"""Carrying out what was asked, in this process: the items of it, one after the other."""

from __future__ import annotations

import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeAlias

from resolver.errors import ResolverError
from resolver.operate.verb import Refused

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from resolver.operate.request import Request
    from resolver.operate.verb import Reply
    from resolver.operate.view import Running

    Perform: TypeAlias = Callable[[Request], AsyncGenerator[Reply, None]]

_log = logging.getLogger(__name__)


async def performed(daemon: Running, request: Request) -> AsyncGenerator[Reply, None]:
    """What the verb replies. Raises ResolverError with a sentence for who asked.

    The boundary of a verb: a bug in it costs one reply, and is logged.
    """
    verb = request.verb
    run: Any = verb.run(daemon, request.given)
    try:
        if verb.streams:
            async with aclosing(run) as items:
                async for item in items:
                    yield item
        else:
            yield await run
    except ResolverError:
        raise
    except Exception:  # noqa: BLE001  # see above
        _log.exception("control: %s failed by a fault of ours", verb.name)
        raise Refused("it failed by a fault of the program; see its log") from None
