"""The process itself: what it is handed, what it gives up, and what runs in it.

`python -m resolver.web LINE LISTENER TIMELINE`, descriptors that the daemon (`daemon.page`) has
opened. It ends when the daemon does.
"""

from __future__ import annotations

import importlib
import logging
import mmap
import os
import socket
import sys
from typing import TYPE_CHECKING, Final

import hypercorn.protocol
import trio
from hypercorn.config import Config
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio import serve

from resolver.daemon import child_life
from resolver.limits import WEB_BEAT_SECONDS, WEB_HEAD_OCTETS, WEB_IDLE_SECONDS, WEB_SEND_SECONDS
from resolver.operate.timeline import OCTETS, Timeline
from resolver.web import confine
from resolver.web.app import app_of
from resolver.web.asking import Daemon
from resolver.web.beginning import Beginning, beginning_untrusted, tls_of
from resolver.web.watch import Watch

if TYPE_CHECKING:
    import h11

    from resolver.web.guard import Guard

# What libraries load when they first need it.
_LATE: Final = ("anyio._backends._trio", "encodings.idna", "hypercorn.protocol.h11")
_AS_NICE: Final = 5
_WANTED: Final = 4


class _Serving(Config):
    """How hypercorn serves: bounded, with certificates that were read before all was given up."""

    def __init__(self, listener: int, begun: Beginning) -> None:
        super().__init__()
        self.bind = [f"fd://{listener}"]
        self.loglevel = "ERROR"
        self.include_server_header = False
        self.h11_max_incomplete_size = WEB_HEAD_OCTETS
        self.keep_alive_timeout = WEB_IDLE_SECONDS
        self.ssl_handshake_timeout = WEB_IDLE_SECONDS
        self.graceful_timeout = 0.0
        self._tls = tls_of(begun)

    @property
    def ssl_enabled(self) -> bool:
        return self._tls is not None

    def create_ssl_context(self):  # type: ignore[no-untyped-def]  # as of the base
        return self._tls


class _Http1(H11Protocol):
    """HTTP/1.1 and nothing else: neither what browsers may upgrade to in clear text (h2c), nor the
    preface of HTTP/2, whose streams no limit here counts."""

    async def _check_protocol(self, _: h11.Request) -> None:
        return


def main(words: list[str]) -> int:
    """Until the daemon ends."""
    if len(words) != _WANTED:
        sys.stderr.write("resolver.web is started by the daemon (web.listen)\n")
        return 2
    line, listener, memory = map(int, words[1:])
    child_life.begin(os.getppid(), _AS_NICE)
    sock = socket.socket(fileno=line)
    begun = beginning_untrusted(sock)
    config = _Serving(listener, begun)
    bound_patience(listener)
    daemon = Daemon(sock)
    watch = Watch(daemon, Timeline(memoryview(mmap.mmap(memory, OCTETS))))
    app = app_of(daemon, watch, begun)  # which reads files: later there may be none that we may
    hypercorn.protocol.H11Protocol = _Http1  # type: ignore[attr-defined]  # of each client
    for module in _LATE:
        importlib.import_module(module)
    logging.getLogger("trio.serve_listeners").disabled = True  # all places taken is no fault
    confine.give_up()
    trio.run(_run, sock, config, watch, app)
    return 0


def bound_patience(listener: int) -> None:
    """Have who comes there and does not read given up after WEB_SEND_SECONDS."""
    with socket.socket(fileno=os.dup(listener)) as listening:
        most_ms = int(1000 * WEB_SEND_SECONDS)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, most_ms)


async def _run(sock: socket.socket, config: _Serving, watch: Watch, app: Guard) -> None:
    sock.settimeout(0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_beat, sock)
        nursery.start_soon(watch.run)
        await serve(app, config)  # type: ignore[arg-type]  # ASGI
        nursery.cancel_scope.cancel()


async def _beat(sock: socket.socket) -> None:
    """Show life, until nobody is there to see it."""
    line = trio.socket.from_stdlib_socket(sock)
    while True:
        try:
            await line.send(b".")
        except OSError:
            os._exit(0)
        await trio.sleep(WEB_BEAT_SECONDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
