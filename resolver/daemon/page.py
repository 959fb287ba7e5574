"""The page's process: started, watched, started again; it knows this one by a pair of sockets only.

A process of its own without privileges (`resolver.web`): nothing on the page can slow or end the
resolver. It inherits the listening socket and one end of a pair; over the pair it hands in an end
of each conversation that it wants, and these are served as clients of the control socket who may
look. To act, a request shows the token, which browsers send: the process itself does not have it.
Its timeline lies in memory that outlives it (`page_history`). One that ends, or has given no sign
of life for WEB_SILENCE_SECONDS, is followed by another.
"""

from __future__ import annotations

import array
import logging
import os
import socket
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec
import trio

from resolver.config.web_listen import is_remote, url_of, web_place
from resolver.daemon import page_token
from resolver.daemon.child import environment
from resolver.errors import drop_frames
from resolver.limits import (
    WEB_BEAT_SECONDS,
    WEB_CHANNELS,
    WEB_PAUSE_SECONDS,
    WEB_RESTART_SECONDS,
    WEB_SILENCE_SECONDS,
)
from resolver.operate.door import Door
from resolver.operate.verb import Right
from resolver.runtime.private_files import own_account

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resolver.config.schema import Config
    from resolver.daemon.operated import Process
    from resolver.daemon.page_history import History
    from resolver.operate.perform import Perform
    from resolver.operate.verb import Verb

_log = logging.getLogger(__name__)
_MODULE: Final = "resolver.web"
_AT_ONCE: Final = 64  # signs of life that are read together
_HANDED: Final = socket.CMSG_SPACE(array.array("i").itemsize * 4)
_BACKLOG: Final = 32


class Page:
    """The one of *daemon*. *perform* does what it asks; *history* has its timeline."""

    def __init__(
        self, daemon: Process, verbs: Mapping[str, Verb], perform: Perform, history: History
    ) -> None:
        self._daemon = daemon
        self.token = page_token.Token(daemon.state)
        self.door = Door(
            verbs, perform, frozenset, token=lambda: self.token.text, places=WEB_CHANNELS
        )
        self._listener: socket.socket | None = None
        self._history = history
        self._scope = trio.CancelScope()
        self._seen_at = 0.0
        self.pid = 0  # of the process, while there is one
        self._trouble = ""

    def __repr__(self) -> str:
        return f"<Page {url_of(self._daemon.config) or 'off'}>"

    def address(self) -> str:
        """What to type into a browser here; with the token, where no file has it."""
        url = url_of(self._daemon.config)
        return (
            f"{url} (token: {self.token.where})"
            if self.token.where
            else (f"{url}#token={self.token.text}")
        )

    # --- where, and with which token -----------------------------------------------------------

    def open(self, config: Config, owner: tuple[int, int] | None) -> None:
        """Have the token and the port that *config* wants, as who we are now. Raises ConfigError
        for a token that is none; a port that is not to be had is tried again later."""
        self.token.open(config, owner)
        self._bind(config)

    def _bind(self, config: Config) -> None:
        host, port = web_place(config.web.listen)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)[0][4])
            sock.listen(_BACKLOG)
        except OSError as error:
            sock.close()
            self._tell(f"web.listen {config.web.listen}: {error.strerror or error}")
            return
        self._listener, self._trouble = sock, ""

    def _tell(self, trouble: str) -> None:
        if trouble != self._trouble:
            _log.warning("no page: %s", trouble)
        self._trouble = trouble

    def close(self) -> None:
        """End it, and give the port back. Idempotent."""
        self._scope.cancel()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    # --- its lives -------------------------------------------------------------------------------

    def begin(self) -> None:
        """Have the process, until `close`."""
        self._scope = scope = trio.CancelScope()
        self._daemon.nursery.start_soon(self._keep, scope)

    async def _keep(self, scope: trio.CancelScope) -> None:
        pause_s = WEB_RESTART_SECONDS
        with scope:
            while True:
                began = trio.current_time()
                if self._listener is None:
                    self._bind(self._daemon.config)
                if self._listener is not None:
                    why = await self._live(self._listener)
                    if why:
                        _log.warning("the page's process %s; starting it again", why)
                is_short = trio.current_time() - began < WEB_SILENCE_SECONDS
                pause_s = min(2 * pause_s, WEB_PAUSE_SECONDS) if is_short else WEB_RESTART_SECONDS
                with trio.move_on_after(pause_s):
                    await self._wait()

    async def _wait(self) -> None:
        """Who connects waits for the next process, or is turned away where none can be started."""
        if self._trouble and self._listener is not None:
            listener = trio.socket.from_stdlib_socket(self._listener.dup())
            with listener, suppress(OSError):  # descriptors are short: they wait
                while True:
                    (await listener.accept())[0].close()
        await trio.sleep_forever()

    async def _live(self, listener: socket.socket) -> str:
        """One life of the process; how it ended, "" if it never began."""
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        mine.settimeout(0)
        with mine, theirs:
            fds = (theirs.fileno(), listener.fileno(), self._history.descriptor)
            command = [sys.executable, "-m", _MODULE, *map(str, fds)]
            try:
                process = await trio.lowlevel.open_process(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=fds,
                    env=environment(), start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                self._tell(
                    f"{sys.executable} cannot be started by the account {own_account()}: "
                    f"{error.strerror or error}"
                )
                return ""
            theirs.close()
            self.pid, self._trouble = process.pid, ""
            try:
                return await self._watch(process, trio.socket.from_stdlib_socket(mine))
            finally:
                with suppress(ProcessLookupError):
                    process.kill()
                with trio.CancelScope(shield=True):
                    await process.wait()
                self.pid = 0

    async def _watch(self, process: trio.Process, line: trio.socket.SocketType) -> str:
        """Returns when the process has ended, or is to."""
        shown = self._daemon.tls.changed
        self._seen_at = trio.current_time() + WEB_SILENCE_SECONDS  # it may take its time to start
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._serve, line)
            nursery.start_soon(_end_with, process, nursery.cancel_scope)
            while process.poll() is None:
                await trio.sleep(WEB_BEAT_SECONDS)
                if trio.current_time() - self._seen_at > WEB_SILENCE_SECONDS:
                    return self._ended(nursery, "has shown no life")
                if self._daemon.tls.changed != shown:
                    return self._ended(nursery, "shows another certificate")
        return f"ended with status {process.returncode}"

    def _ended(self, nursery: trio.Nursery, why: str) -> str:
        nursery.cancel_scope.cancel()
        return why

    async def _serve(self, line: trio.socket.SocketType) -> None:
        """Tell it how to begin; then take its signs of life, and the conversations it wants."""
        try:
            await trio.SocketStream(line).send_all(self._beginning())
            async with trio.open_nursery() as nursery:
                while True:
                    data, ancillary, _, _ = await line.recvmsg(_AT_ONCE, _HANDED)
                    if not data:
                        break
                    self._seen_at = max(self._seen_at, trio.current_time())
                    for sock in _handed(ancillary):
                        nursery.start_soon(self.door.meet, sock, Right.LOOK)
                nursery.cancel_scope.cancel()
        except (OSError, trio.BrokenResourceError) as error:
            drop_frames(error)  # it is gone

    def _beginning(self) -> bytes:
        config = self._daemon.config
        told: dict[str, Any] = {
            "is_remote": is_remote(config),
            "names": [*config.tls.names],
            "token_where": self.token.where,
        }
        if is_remote(config):
            told["certificates"] = [
                (one.chain + b"\n" + one.key).decode("ascii", "replace")
                for one in self._daemon.tls.identities
            ]
        return msgspec.json.encode(told) + b"\n"


async def _end_with(process: trio.Process, scope: trio.CancelScope) -> None:
    await process.wait()
    scope.cancel()


def _handed(ancillary: list[tuple[int, int, bytes]]) -> list[trio.socket.SocketType]:
    """The sockets that came; what is none, or leads elsewhere, is closed."""
    found = []
    for level, kind, octets in ancillary:
        if level != socket.SOL_SOCKET or kind != socket.SCM_RIGHTS:
            continue
        numbers = array.array("i")
        numbers.frombytes(octets[: len(octets) - len(octets) % numbers.itemsize])
        for number in numbers:
            sock = _socket_of(number)
            if sock is not None:
                found.append(sock)
    return found


def _socket_of(number: int) -> trio.socket.SocketType | None:
    try:
        sock = socket.socket(fileno=number)
    except OSError as error:
        drop_frames(error)
        with suppress(OSError):
            os.close(number)
        return None
    if (sock.family, sock.type) != (socket.AF_UNIX, socket.SOCK_STREAM):
        sock.close()
        return None
    return trio.socket.from_stdlib_socket(sock)
