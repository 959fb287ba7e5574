"""Pages for programs: GET over HTTP/1.1, one request a connection, nothing else.

For who asks on a trusted network: no TLS, no names of clients or of what they asked. Bounded like
every listener: so many connections at a time, so many seconds each, so many octets of request. One
more, and the oldest is closed: an answer takes milliseconds, so who has been there for longest is
who does not ask, and nobody can keep the others out by keeping silent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import trio

from resolver.errors import drop_frames

if TYPE_CHECKING:
    from collections.abc import Callable

_END = b"\r\n\r\n"
_METHODS = (b"GET", b"HEAD")
PLAIN = "text/plain; charset=utf-8"


class Told(NamedTuple):
    """What a page says: "200 OK", of which media type it is, and the text."""

    status: str
    kind: str
    body: str


class Pages(NamedTuple):
    """*look* finds what is at a path, None for nothing; *elsewhere* is said there. *clients* at a
    time, for *seconds* each, with a head of so many *octets*."""

    look: Callable[[bytes], Told | None]
    elsewhere: str
    clients: int
    seconds: float
    octets: int


class Listener(Protocol):
    """A listening socket; `listen.listen_network.StreamListener` is one."""

    async def accept(self) -> tuple[trio.abc.Stream, tuple[str, int]]: ...


async def serve(listener: Listener, pages: Pages) -> None:
    """Answer until cancelled."""
    open_now: dict[trio.CancelScope, None] = {}

    async def answer(stream: trio.abc.Stream, scope: trio.CancelScope) -> None:
        try:
            with scope:
                await stream.send_all(reply(await _request(stream, pages.octets), pages))
        except (trio.BrokenResourceError, trio.ClosedResourceError, MemoryError) as error:
            drop_frames(error)  # whoever asked has left
        finally:
            open_now.pop(scope, None)
            await trio.aclose_forcefully(stream)

    async with trio.open_nursery() as nursery:
        while True:
            stream, _ = await listener.accept()
            if len(open_now) >= pages.clients:
                oldest = next(iter(open_now))
                del open_now[oldest]
                oldest.cancel()
            scope = trio.CancelScope(deadline=trio.current_time() + pages.seconds)
            open_now[scope] = None
            nursery.start_soon(answer, stream, scope)


async def _request(stream: trio.abc.ReceiveStream, most: int) -> bytes:
    """What came up to the end of the head, or as much as is allowed."""
    head = b""
    while _END not in head and len(head) < most:
        more = await stream.receive_some(most)
        if not more:
            break
        head += more
    return head


def reply(request: bytes, pages: Pages) -> bytes:
    """The whole HTTP response to *request*, whatever it is."""
    method, _, rest = request.partition(b" ")
    if _END not in request:
        return _response(Told("400 Bad Request", PLAIN, ""))
    if method not in _METHODS:
        return _response(Told("405 Method Not Allowed", PLAIN, ""), "Allow: GET, HEAD")
    path = rest.partition(b"\r\n")[0].partition(b" ")[0].partition(b"?")[0]
    told = pages.look(path) or Told("404 Not Found", PLAIN, pages.elsewhere)
    response = _response(told)
    return response.partition(_END)[0] + _END if method == b"HEAD" else response


def _response(told: Told, *more: str) -> bytes:
    octets = told.body.encode()
    head = (
        f"HTTP/1.1 {told.status}",
        f"Content-Type: {told.kind}",
        f"Content-Length: {len(octets)}",
        "Cache-Control: no-store",
        *more,
        "Connection: close",
    )
    return "\r\n".join(head).encode() + _END + octets
