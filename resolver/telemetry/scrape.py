"""A page for Prometheus: GET /metrics over HTTP/1.1, one request per connection, nothing else.

For a scraper on a trusted network: no TLS, no names of clients or of what they asked, only numbers.
Bounded like every listener: SCRAPES connections at a time, SCRAPE_SECONDS each, SCRAPE_OCTETS of
request. One more, and the oldest is closed: a scrape takes milliseconds, so who has been there for
longest is who does not ask, and nobody can keep Prometheus out by keeping silent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import trio

from resolver.errors import drop_frames
from resolver.limits import SCRAPE_OCTETS, SCRAPE_SECONDS, SCRAPES
from resolver.telemetry.metrics import CONTENT_TYPE

if TYPE_CHECKING:
    from resolver.telemetry.shared_counters import Page

_END = b"\r\n\r\n"


class Listener(Protocol):
    """A listening socket; `listen.listen_network.StreamListener` is one."""

    async def accept(self) -> tuple[trio.abc.Stream, tuple[str, int]]: ...


async def serve(listener: Listener, page: Page) -> None:
    """Answer scrapers until cancelled."""
    open_now: dict[trio.CancelScope, None] = {}

    async def answer(stream: trio.abc.Stream, scope: trio.CancelScope) -> None:
        try:
            with scope:
                await stream.send_all(reply(await _request(stream), page))
        except (trio.BrokenResourceError, trio.ClosedResourceError, MemoryError) as error:
            drop_frames(error)  # the scraper left
        finally:
            open_now.pop(scope, None)
            await trio.aclose_forcefully(stream)

    async with trio.open_nursery() as nursery:
        while True:
            stream, _ = await listener.accept()
            if len(open_now) >= SCRAPES:
                oldest = next(iter(open_now))
                del open_now[oldest]
                oldest.cancel()
            scope = trio.CancelScope(deadline=trio.current_time() + SCRAPE_SECONDS)
            open_now[scope] = None
            nursery.start_soon(answer, stream, scope)


async def _request(stream: trio.abc.ReceiveStream) -> bytes:
    """What came up to the end of the head, or as much as is allowed."""
    head = b""
    while _END not in head and len(head) < SCRAPE_OCTETS:
        more = await stream.receive_some(SCRAPE_OCTETS)
        if not more:
            break
        head += more
    return head


def reply(request: bytes, page: Page) -> bytes:
    """The whole HTTP response to *request*, whatever it is."""
    method, _, rest = request.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    if _END not in request:
        return _response("400 Bad Request", "")
    if method not in (b"GET", b"HEAD"):
        return _response("405 Method Not Allowed", "")
    if path != b"/metrics":
        return _response("404 Not Found", "the numbers are at /metrics\n")
    response = _response("200 OK", page.text())
    return response.partition(_END)[0] + _END if method == b"HEAD" else response


def _response(status: str, body: str) -> bytes:
    octets = body.encode()
    head = (
        f"HTTP/1.1 {status}",
        f"Content-Type: {CONTENT_TYPE}",
        f"Content-Length: {len(octets)}",
        "Connection: close",
    )
    return "\r\n".join(head).encode() + _END + octets
