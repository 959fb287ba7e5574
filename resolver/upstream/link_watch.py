"""In an outage, and only then: whoever hears that a link, an address or a route has changed looks.

What the kernel tells proves nothing: that somebody answers does. It hastens the look (`recovery`).
In health nobody listens: a router's table may change a thousand times a second.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import trio

from resolver.limits import LINK_LOOK_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.upstream.network import LinkChanges

_log = logging.getLogger(__name__)


class LinkWatch:
    """*hear* opens what tells of changes, or raises OSError; *look* is called after some.

    *is_heard*: an outage is on, and changes are told.
    """

    def __init__(self, hear: Callable[[], LinkChanges], look: Callable[[float], None]) -> None:
        self._hear = hear
        self._look = look
        self._is_on = False
        self.is_heard = False
        self._wanted = trio.Event()
        self._scope = trio.CancelScope()

    def __repr__(self) -> str:
        return f"<LinkWatch {'on' if self._is_on else 'off'}>"

    def begin(self) -> None:
        """An outage has begun. Idempotent."""
        self._is_on = True
        self._wanted.set()

    def end(self) -> None:
        """There is none any more. Idempotent."""
        self._is_on = False
        self._wanted = trio.Event()
        self._scope.cancel()

    async def run(self) -> None:
        """Follow all outages, until cancelled."""
        while True:
            await self._wanted.wait()
            self._scope = trio.CancelScope()
            if self._is_on:
                with self._scope:
                    await self._listen()

    async def _listen(self) -> None:
        """As long as anything is told; the even looks go on in any case."""
        try:
            links = self._hear()
        except OSError as error:
            _log.debug("changes of links are not told: %s", error)
        else:
            await self._look_after_each(links)
        await trio.sleep_forever()

    async def _look_after_each(self, links: LinkChanges) -> None:
        """Changes come in flocks: one look for all of LINK_LOOK_SECONDS."""
        self.is_heard = True
        try:
            while True:
                await links.changed()
                self._look(trio.current_time())
                await trio.sleep(LINK_LOOK_SECONDS)
        except OSError as error:  # out of memory, for one
            _log.debug("changes of links are not told any more: %s", error)
        finally:
            self.is_heard = False
            links.close()
