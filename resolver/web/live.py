"""Server-sent events: the panels that changed, once a second; and the live log."""

from __future__ import annotations

from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from resolver.limits import WEB_LOGS, WEB_VIEWERS
from resolver.web.asking import Away, Refusal
from resolver.web.html import tag
from resolver.web.page import fragments
from resolver.web.panels_known import ms

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
    from contextlib import AbstractContextManager

    from resolver.web.asking import Daemon
    from resolver.web.html import Html
    from resolver.web.panels import View
    from resolver.web.watch import Watch

    Reply = dict[str, Any]
    Look = Callable[[str], Awaitable[View | None]]


def event(kind: str, content: object) -> bytes:
    """One event, as it goes out."""
    return f"event: {kind}\ndata: ".encode() + msgspec.json.encode(content, enc_hook=str) + b"\n\n"


class Live:
    """Those who look, WEB_VIEWERS of them and WEB_LOGS live logs at the most."""

    def __init__(self, daemon: Daemon, watch: Watch, look: Look) -> None:
        self._daemon = daemon
        self._watch = watch
        self._look = look
        self._logs = 0

    def __repr__(self) -> str:
        return f"<Live, {self._watch.viewers} viewers, {self._logs} logs>"

    @property
    def has_room(self) -> bool:
        return self._watch.viewers < WEB_VIEWERS

    @property
    def has_log_room(self) -> bool:
        return self._logs < WEB_LOGS

    def viewed(self) -> AbstractContextManager[None]:
        """A place among those who look, inside the block."""
        return self._watch.viewed()

    @contextmanager
    def followed(self) -> Iterator[None]:
        """A place among those who read the log, inside the block."""
        self._logs += 1
        try:
            yield
        finally:
            self._logs -= 1

    async def panels(self, token: str) -> AsyncGenerator[bytes]:
        """Until the browser leaves. *token*: "" where none was shown, else one that is right."""
        shown: dict[str, Html] = {}
        while True:
            view = await self._look(token)
            if view is not None:
                drawn = fragments(view)
                changed = {key: one for key, one in drawn.items() if shown.get(key) != one}
                shown = drawn
                yield event("panels", changed)
            else:
                yield event("trouble", self._watch.trouble or "the token is another one")
            await self._watch.next()

    async def log(self, token: str) -> AsyncGenerator[bytes]:
        """What is asked, as it is answered, a batch a second."""
        try:
            async with aclosing(self._daemon.items("log follow", token=token)) as items:
                async for item in items:
                    lines = [_line(one) for one in item["queries"]]
                    silent = [one["error"] for one in item.get("failed", ())]
                    told = {"lines": lines, "more": item["more"], "silent": silent}
                    yield event("lines", told)
        except (Away, Refusal) as error:
            yield event("trouble", str(error))


def _line(one: Reply) -> Html:
    took = ms(one["ms"]) if one["ms"] else ""
    by = " ".join(filter(None, (one.get("server"), one.get("instance"))))
    errors = ", ".join(f"EDE {code}" for code in one.get("ede", ()))
    cells = (
        one["t"][11:19], one["name"] or "(no name)", one["type"], one["rcode"] or "(no reply)",
        one["from"], took, by or errors,
    )  # fmt: skip
    first, *rest = cells
    return tag("tr", tag("th", first, scope="row"), *(tag("td", cell) for cell in rest))
