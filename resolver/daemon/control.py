"""The control socket of the process: opened before root is given up, served, moved at a reload.

That it cannot be had is told, and no reason not to resolve; at a reload nothing changes then. To
act by it may root, `control.admins` and the account that started the daemon: not the one that a
daemon started by root becomes, which as `nobody` may be many programs'. The page, where there is
one (`daemon.page`), is opened, begun and moved with it.
"""

from __future__ import annotations

import logging
import os
from contextlib import aclosing, closing
from functools import partial
from typing import TYPE_CHECKING

import trio

from resolver.daemon import privileges
from resolver.daemon.operated import Operated
from resolver.errors import ConfigError
from resolver.limits import LEAVING_LOOK_SECONDS
from resolver.operate import door_socket
from resolver.operate.colleagues import Answering, Colleagues, joined
from resolver.operate.door import Door
from resolver.operate.door_socket import AUTO, NoDoor
from resolver.operate.perform import performed
from resolver.operate.verbs import AMONG_WORKERS, BY_NAME
from resolver.runtime.private_files import SHARED_ACCOUNT

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from resolver.config.schema import Config
    from resolver.daemon.operated import Hooks, Process
    from resolver.daemon.page import Page
    from resolver.daemon.page_history import History
    from resolver.operate.door_socket import Opened
    from resolver.operate.request import Request
    from resolver.operate.verb import Reply

_log = logging.getLogger(__name__)


class Control:
    """The one of *daemon*; without a socket until `open`."""

    def __init__(self, daemon: Process) -> None:
        self._daemon = daemon
        self._operated = Operated(daemon)
        self._starter = os.getuid()
        self._opened: Opened | None = None
        self._admins: frozenset[int] = frozenset()
        self._scope = trio.CancelScope()
        self._is_serving = False
        self.colleagues: Colleagues | None = None
        self.page: Page | None = None
        self._history: History | None = None
        self._keeps_history = False
        self._page_terms: object = None
        self.door = Door(
            BY_NAME, self._perform, lambda: self._admins,
            barred=lambda: 0 if self.page is None else self.page.pid,
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"<Control {'closed' if self._opened is None else self._opened.path}>"

    # --- the start ---------------------------------------------------------------------------

    @property
    def doors(self) -> list[Door]:
        """That of the socket, and the page's."""
        return [self.door] if self.page is None else [self.door, self.page.door]

    @property
    def started_at(self) -> float:
        """When the daemon began, in Unix seconds."""
        return self._operated.started_at

    def open(self, config: Config) -> None:
        """Have the socket that *config* wants, as who we are now; what fails is told.

        Where nobody asked for one it is no news that there is no place for it. Raises ConfigError
        where the token of the page is none.
        """
        self._open_page(config, _group_and_owner(config)[1])
        self._admins = admins_of(config, self._starter)
        path = door_socket.path_of(config.control.socket, config.working_directory)
        if path is None:
            return
        group, owner = _group_and_owner(config)
        if config.control.socket == AUTO:
            door_socket.make_usual_directory(owner)
        try:
            self._opened = door_socket.opened(path, group=group)
        except NoDoor as error:
            is_asked_for = config.control.socket != AUTO or error.is_taken
            level = logging.WARNING if is_asked_for else logging.INFO
            _log.log(level, "no control socket: %s", error)

    def begin(self, hooks: Hooks) -> None:
        """Serve it from now on."""
        self._is_serving, self._operated.hooks = True, hooks
        slot, nursery = self._daemon.slot, self._daemon.nursery
        if slot is not None and slot.is_first:
            self.colleagues = Colleagues(slot.lines.to_others())
            nursery.start_soon(self.colleagues.run)
        elif slot is not None:
            here = partial(performed, self._operated)
            nursery.start_soon(Answering(slot.lines.of(slot.number), AMONG_WORKERS, here).run)
        self._serve()
        self._begin_page()

    def _begin_page(self) -> None:
        if self.page is not None:
            self._operated.zone_tally.begin()
            self.page.begin()
        if self._history is not None and not self._keeps_history:
            self._keeps_history = True
            self._daemon.nursery.start_soon(self._history.run, self._daemon.parts.clock)

    def _open_page(self, config: Config, owner: tuple[int, int] | None) -> None:
        """Raises ConfigError."""
        self._page_terms = _terms_of_page(config)
        if not config.web.listen:
            return
        from resolver.daemon.page import Page  # noqa: PLC0415  # where there is one
        from resolver.daemon.page_history import History  # noqa: PLC0415  # likewise

        if self._history is None:
            self._history = History(self._daemon.state)
            self._history.take_back()
        page = Page(self._daemon, BY_NAME, self._perform, self._history)
        page.open(config, owner)
        self.page = page

    def _serve(self) -> None:
        if self._opened is not None:
            self._scope = scope = trio.CancelScope()
            self._daemon.nursery.start_soon(self._serve_in, scope, self._opened)

    async def _serve_in(self, scope: trio.CancelScope, opened: Opened) -> None:
        with closing(opened.listener), scope:
            await self.door.serve(opened.listener, self._daemon.nursery)

    async def _perform(self, request: Request) -> AsyncGenerator[Reply, None]:
        """Here, and where the verb wants it by the other workers too."""
        items = performed(self._operated, request)
        if self.colleagues is not None and request.verb.merge is not None:
            items = joined(items, self.colleagues, request)
        async with aclosing(items):
            async for item in items:
                yield item

    # --- another configuration ---------------------------------------------------------------

    def planned(self, config: Config) -> Opened | None:
        """The socket for *config*, where there is none at its path yet. Raises ConfigError.

        One that nobody asked for, or that was missing before, is no reason to refuse all else.
        """
        path = door_socket.path_of(config.control.socket, config.working_directory)
        has_door = self._is_serving and self._daemon.is_first
        if has_door and config.web.listen and _terms_of_page(config) != self._page_terms:
            from resolver.daemon.page_token import Token  # noqa: PLC0415  # likewise

            Token(self._daemon.state).open(config, None)
        if not has_door or path is None or self._is_at(path):
            return None
        try:
            return door_socket.opened(path)
        except NoDoor as error:
            if config.control.socket in (AUTO, self._daemon.config.control.socket):
                _log.info("no control socket: %s", error)
                return None
            expected = f"a path for a socket ({error})"
            raise ConfigError("control.socket", config.control.socket, expected) from None

    def adopt(self, config: Config, planned: Opened | None) -> None:
        """Go by *config* from now on, with what was *planned* for it."""
        if not self._is_serving or not self._daemon.is_first:
            return
        self._admins = admins_of(config, self._starter)
        self._adopt_page(config)
        path = door_socket.path_of(config.control.socket, config.working_directory)
        if planned is None and path is not None and self._is_at(path):
            return
        self._close_door()
        self._opened = planned
        self._serve()

    def _adopt_page(self, config: Config) -> None:
        if _terms_of_page(config) == self._page_terms:
            return
        if self.page is not None:
            self.page.close()
            self.page = None
        try:
            self._open_page(config, None)
        except ConfigError as error:  # it was good a moment ago
            _log.warning("no page: %s", error)
        self._begin_page()

    def _is_at(self, path: Path) -> bool:
        """Is ours the socket at *path*?"""
        opened = self._opened
        return opened is not None and opened.path == path and door_socket.is_ours(opened)

    async def replied(self) -> None:
        """Returns when what was asked is answered."""
        while self.door.busy:  # noqa: ASYNC110  # once in a life, for a moment
            await trio.sleep(LEAVING_LOOK_SECONDS)

    def close(self) -> None:
        """Have no socket any more, and no page. Idempotent."""
        if self.page is not None:
            self.page.close()
            self.page = None
        if self._history is not None:
            self._history.close()
        self._close_door()

    def _close_door(self) -> None:
        if self._opened is not None:
            door_socket.unlinked(self._opened)
            self._opened = None
            self._scope.cancel()  # who waits there closes it


def _terms_of_page(config: Config) -> object:
    """What the page's process is begun with: where it differs, another is."""
    return config.web, config.tls.names


def sweep(config: Config) -> None:
    """Take away a socket that nobody serves any more: who served it may have been allowed less."""
    path = door_socket.path_of(config.control.socket, config.working_directory)
    if path is not None:
        door_socket.sweep(path)


def admins_of(config: Config, starter: int) -> frozenset[int]:
    """User ids of who may act, besides root; *starter* has started the daemon."""
    found = {starter}
    for who in config.control.admins:
        if isinstance(who, int):
            found.add(who)
        elif (account := privileges.account_of(who)) is not None:
            found.add(account.pw_uid)
        else:
            _log.warning("control.admins: there is no account %r on this machine", who)
    return frozenset(found)


def _group_and_owner(config: Config) -> tuple[int | None, tuple[int, int] | None]:
    """Whose group may look, and whose the directory is: the account's that we are going to be."""
    user = privileges.user_of(config.server.user)
    account = privileges.account_of(user) if os.geteuid() == 0 else None
    if account is None or account.pw_name == SHARED_ACCOUNT:
        return None, None
    return account.pw_gid, (account.pw_uid, account.pw_gid)
