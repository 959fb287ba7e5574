"""Every path of the page, and who may have it."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from resolver.errors import WireError
from resolver.operate.numbers import numbers
from resolver.web import acting
from resolver.web.api import Api, failure, reply
from resolver.web.asking import Away, Refusal
from resolver.web.form import form_untrusted
from resolver.web.guard import Guard
from resolver.web.html import text
from resolver.web.live import Live
from resolver.web.page import document
from resolver.web.panels import View
from resolver.web.trust import Trust, token_of
from resolver.web.watch import KNOWN, Watch

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from contextlib import AbstractContextManager

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from resolver.web.asking import Daemon
    from resolver.web.beginning import Beginning
    from resolver.web.html import Html

_STATIC: Final = {
    "page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml",
}  # fmt: skip
_NO_STORE: Final = {"cache-control": "no-store"}
_BUSY: Final = 503
_FORBIDDEN: Final = 401


def app_of(daemon: Daemon, watch: Watch, begun: Beginning) -> Guard:
    """The application, behind its guard."""
    trust = Trust(daemon)
    pages = _Pages(daemon, watch, trust, begun)
    api = Api(daemon, watch, trust, is_remote=begun.is_remote)
    routes = [
        Route("/", pages.get, methods=["GET"]),
        Route("/", pages.post, methods=["POST"]),
        Route("/live", pages.live, methods=["GET"]),
        Route("/log", pages.log, methods=["GET"]),
        *(Route(f"/{name}", _static(name, kind)) for name, kind in _STATIC.items()),
        *api.routes(),
    ]
    missing = {404: _missing, 405: _missing, 500: _broken}
    return Guard(Starlette(routes=routes, exception_handlers=missing), begun.names)


async def _missing(_: Request, error: Exception) -> Response:
    """404, or 405 with the methods that there are."""
    status, headers = getattr(error, "status_code", 404), getattr(error, "headers", None)
    return PlainTextResponse("there is nothing here\n", status, headers)


async def _broken(_: Request, __: Exception) -> Response:
    return PlainTextResponse("a fault of the program; its log says more\n", 500)


def _static(name: str, kind: str):  # type: ignore[no-untyped-def]  # an endpoint
    """A file of the package, read once: nothing is served from the disk."""
    octets = resources.files("resolver.web").joinpath("static", name).read_bytes()
    mark = f'"{hashlib.sha256(octets).hexdigest()[:20]}"'
    headers = {"etag": mark, "cache-control": "no-cache"}

    async def get(request: Request) -> Response:
        if request.headers.get("if-none-match") == mark:
            return Response(status_code=304, headers=headers)
        return Response(octets, headers=headers, media_type=kind)

    return get


class _Pages:
    """The page, and what makes it live."""

    def __init__(self, daemon: Daemon, watch: Watch, trust: Trust, begun: Beginning) -> None:
        self._daemon = daemon
        self._watch = watch
        self._trust = trust
        self._begun = begun
        self._live = Live(daemon, watch, self.view)

    async def view(self, token: str = "") -> View | None:
        """What is known now, with names where *token* is right; None if nothing is known, or
        nothing may be shown."""
        is_trusted = await self._trust.has(token) if token else False
        if self._begun.is_remote and not is_trusted:
            return None
        watch = self._watch
        if not watch.viewers:
            await watch.look_now()
        window = watch.window
        if watch.stats is None or watch.status is None or window is None:
            return None
        known = await self._known(token) if is_trusted else {}
        last = watch.last or numbers(watch.stats)
        return View(
            watch.stats, watch.status, window, last, watch.minutes(), known, is_trusted,
            watch.trouble,
        )  # fmt: skip

    async def _known(self, token: str) -> dict[str, dict[str, object]]:
        found = {}
        for verb in KNOWN:
            try:
                found[verb] = await self._watch.look_up(verb, token)
            except (Refusal, Away):
                continue  # a verb that this daemon does not have
        return found

    async def get(self, _: Request) -> Response:
        """The numbers; elsewhere than on this machine a field for the token."""
        page = document(await self._viewed(""), where=self._begun.token_where)
        return HTMLResponse(page, headers=_NO_STORE)

    async def _viewed(self, token: str) -> View | None:
        try:
            return await self.view(token)
        except Away:
            return None

    async def post(self, request: Request) -> Response:
        """A form: of the token, or of what is to be done with it."""
        is_scripted = "x-script" in request.headers
        shown, said = token_of(request), ""
        result: Html | None = None
        place = ""
        try:
            form = await form_untrusted(request)
            shown = shown or form.get("token", "")
            if not await self._trust.has(shown):
                return self._refused(await self._viewed(""), is_scripted=is_scripted)
            if form.get("do"):
                result, place = await acting.done(self._daemon, form, shown)
        except WireError as error:
            return failure(str(error), 400)
        except (Refusal, Away) as error:
            said = str(error)
        if is_scripted and (said or result is not None):
            return reply({"html": result, "place": place, "said": text(said)})
        page = document(
            await self._viewed(shown), token="" if is_scripted else shown, said=said,
            result=result, place=place,
        )  # fmt: skip
        return HTMLResponse(page, headers=_NO_STORE)

    def _refused(self, view: View | None, *, is_scripted: bool) -> Response:
        said = "The token is another one."
        if is_scripted:
            return failure(said, _FORBIDDEN)
        where = self._begun.token_where
        page = document(view, where=where, said=said)
        return HTMLResponse(page, _FORBIDDEN, headers=_NO_STORE)

    async def live(self, request: Request) -> Response:
        """Panels as they change."""
        token = token_of(request)
        if (token or self._begun.is_remote) and not await self._trust.has(token):
            return failure("the token is another one", _FORBIDDEN)
        if not self._live.has_room:
            return failure("too many pages are open", _BUSY)
        return _Events(self._live.panels(token), self._live.viewed())

    async def log(self, request: Request) -> Response:
        """What is asked, as it is answered."""
        token = token_of(request)
        if not await self._trust.has(token):
            return failure("it takes the token", _FORBIDDEN)
        if not self._live.has_log_room:
            return failure("too many live logs are read", _BUSY)
        return _Events(self._live.log(token), self._live.followed())


class _Events(StreamingResponse):
    """*content*, with *place* taken from the moment that it was found free: before anything is
    awaited, and so before another one looks."""

    def __init__(self, content: AsyncGenerator[bytes], place: AbstractContextManager[None]) -> None:
        super().__init__(content, headers=_NO_STORE, media_type="text/event-stream")
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._place:
            await super().__call__(scope, receive, send)
