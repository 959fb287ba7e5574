"""The same numbers for programs: read-only, JSON, described by OpenAPI.

Each path is a verb of the control socket, or what the page makes of some; its description is made
from the same table as its route.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import trio
from starlette.responses import Response
from starlette.routing import Route

from resolver import __version__
from resolver.limits import WEB_FRESH_SECONDS
from resolver.operate.numbers import numbers, plain
from resolver.web import acting
from resolver.web.asking import Away, Refusal
from resolver.web.trust import token_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from resolver.web.asking import Daemon
    from resolver.web.trust import Trust
    from resolver.web.watch import Watch

    Reply = dict[str, Any]

_LONGEST: Final = 1024


class Path(NamedTuple):
    """*verb* "": made here. *takes*: parameters, each with what it is; the first is required where
    *needs_first*. *is_named*: it names what people ask for, and takes the token."""

    path: str
    verb: str
    summary: str
    is_named: bool = True
    takes: tuple[tuple[str, str], ...] = ()
    needs_first: bool = False


PATHS: Final = (
    Path("numbers", "", "Rates, shares, times: since the start, of 5 minutes, now", is_named=False),
    Path("timeline", "", "The last 24 hours, a row for each minute", is_named=False),
    Path("status", "status", "How the daemon is", is_named=False),
    Path("stats", "stats", "Every counter", is_named=False),
    Path("servers", "servers", "Servers, how far they are, and whether they answer",
         takes=(("zone", "those of the zone that this name is in"), ("by", "nearest or used"))),
    Path("zones", "zones", "Zones that fail, with reasons, and those that are slow"),
    Path("warm", "warm", "Names kept warm, with their scores"),
    Path("queries", "queries", "What is on its way, and whom it waits for"),
    Path("lists", "lists show", "Block and allow lists"),
    Path("why", "why", "What is known of a name, and whose fault it is",
         takes=(("name", "domain name"), ("type", "record type"), ("view", "of a [[view]]")),
         needs_first=True),
    Path("pops", "pops", "Instances of anycast servers"),
    Path("drill", "drill", "What resolves if the link is cut"),
)  # fmt: skip


def reply(content: object, status: int = 200) -> Response:
    """JSON that nobody keeps."""
    headers = {"cache-control": "no-store"}
    if status == 401:  # noqa: PLR2004
        headers["www-authenticate"] = 'Bearer realm="resolver"'
    octets = msgspec.json.encode(content, enc_hook=str) + b"\n"
    return Response(octets, status, headers, media_type="application/json")


def failure(said: str, status: int) -> Response:
    """What went wrong, in a sentence."""
    return reply({"error": said}, status)


def _no_token() -> Response:
    return failure("it takes the token: Authorization: Bearer TOKEN", 401)


class Api:
    """*is_remote*: nothing without the token."""

    def __init__(self, daemon: Daemon, watch: Watch, trust: Trust, *, is_remote: bool) -> None:
        self._daemon = daemon
        self._watch = watch
        self._trust = trust
        self._is_remote = is_remote
        self._told: dict[str, tuple[float, Reply]] = {}
        self._one_at_a_time = trio.Lock()
        self._made: dict[str, Callable[[], object]] = {
            "numbers": self._numbers, "timeline": self._timeline,
        }  # fmt: skip

    def __repr__(self) -> str:
        return f"<Api of {len(PATHS)} paths>"

    def routes(self) -> list[Route]:
        """All of it."""
        found = [Route(f"/api/{one.path}", self._endpoint(one), methods=["GET"]) for one in PATHS]
        return [
            *found,
            Route("/api/", self._index, methods=["GET"]),
            Route("/api/openapi.json", self._openapi, methods=["GET"]),
        ]

    async def _index(self, request: Request) -> Response:
        if not await self._may_read(request):
            return _no_token()
        paths = {f"/api/{one.path}": one.summary for one in PATHS}
        return reply({"resolver": __version__, "openapi": "/api/openapi.json", "paths": paths})

    async def _openapi(self, request: Request) -> Response:
        if not await self._may_read(request):
            return _no_token()
        return reply(openapi(is_remote=self._is_remote))

    async def _may_read(self, request: Request) -> bool:
        """What there is to be asked: on this machine everybody, elsewhere who shows the token."""
        try:
            return not self._is_remote or await self._trust.has(token_of(request))
        except Away:
            return False

    def _endpoint(self, path: Path) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            try:
                return await self._answer(path, request)
            except Refusal as error:
                return failure(str(error), 422)
            except Away as error:
                return failure(str(error), 503)

        return answer

    async def _answer(self, path: Path, request: Request) -> Response:
        token = token_of(request)
        if (path.is_named or self._is_remote or token) and not await self._trust.has(token):
            return _no_token()
        given = dict(request.query_params)
        if trouble := _trouble(path, given):
            return failure(trouble, 422)
        if not path.verb:
            if not self._watch.viewers:
                await self._watch.look_now()
            if self._watch.stats is None:
                raise Away(self._watch.trouble or "the daemon has not answered yet")
            return reply(self._made[path.path]())
        if path.verb == acting.DRILL:
            return reply({"items": await acting.drill(self._daemon, token)})
        if path.is_named:
            told = await self._daemon.ask(path.verb, token=token, **given)
        else:
            told = await self._fresh(path.verb)
        return reply({key: value for key, value in told.items() if key not in ("id", "ok")})

    async def _fresh(self, verb: str) -> Reply:
        """What *verb* tells, once for all who ask within WEB_FRESH_SECONDS."""
        async with self._one_at_a_time:
            at, told = self._told.get(verb, (-WEB_FRESH_SECONDS, {}))
            if trio.current_time() - at >= WEB_FRESH_SECONDS:
                told = await self._daemon.ask(verb)
                self._told[verb] = trio.current_time(), told
        return told

    # --- what is made here ----------------------------------------------------------------------

    def _numbers(self) -> Reply:
        stats, window = self._watch.stats, self._watch.window
        assert stats is not None  # noqa: S101  # `_answer` has looked
        return {
            "at": stats["at"], "up_s": stats["up_s"],
            "since_start": plain(numbers(stats)),
            "five_minutes": plain(window) if window else None,
            "now": plain(self._watch.last) if self._watch.last else None,
        }  # fmt: skip

    def _timeline(self) -> Reply:
        rows = [
            {"at": 60 * one.number, **one.kinds, "outage_s": one.outage_s,
             "watched_s": one.watched_s}
            for one in self._watch.minutes()
            if one is not None
        ]  # fmt: skip
        return {"minutes": rows}


def _trouble(path: Path, given: dict[str, str]) -> str:
    """What is wrong with the parameters; "" if nothing is."""
    strange = sorted(given.keys() - {name for name, _ in path.takes})
    if strange:
        return f"there is no parameter {strange[0][:80]!r}"
    if path.needs_first and not given.get(path.takes[0][0]):
        return f"it takes {path.takes[0][0]}"
    if any(len(value) > _LONGEST for value in given.values()):
        return f"a parameter has over {_LONGEST} characters"
    return ""


def openapi(*, is_remote: bool) -> Reply:
    """The description, in OpenAPI 3.1."""
    told = {"description": "as it says", "content": {"application/json": {"schema": _OBJECT}}}
    refused = {"description": "a sentence in `error`", "content": told["content"]}
    paths = {
        f"/api/{one.path}": {
            "get": {
                "operationId": one.path,
                "summary": one.summary,
                "parameters": [
                    {
                        "name": name, "in": "query", "description": what,
                        "required": one.needs_first and not number,
                        "schema": {"type": "string", "maxLength": _LONGEST},
                    }
                    for number, (name, what) in enumerate(one.takes)
                ],
                "security": [{"token": []}] if one.is_named or is_remote else [],
                "responses": {
                    "200": told, "401": refused, "422": refused, "503": refused,
                },
            }
        }
        for one in PATHS
    }  # fmt: skip
    return {
        "openapi": "3.1.0",
        "info": {"title": "resolver", "version": __version__},
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


_OBJECT: Final = {"type": "object"}
