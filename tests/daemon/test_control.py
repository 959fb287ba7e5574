"""The control socket of a process: where it is opened, what it does without, how it is moved."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

import pytest
import trio
from msgspec.structs import replace

from resolver.config.schema import Config, Control
from resolver.daemon import control as module
from resolver.daemon.operated import Hooks
from resolver.daemon.reload import reload
from resolver.errors import ConfigError
from resolver.operate import door_socket
from tests.daemon.reloading import House, ask, served
from tests.operate.knocking import Client
from tests.support import trio_test_real

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def heard(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    logger = logging.getLogger("resolver")
    before = logger.propagate, logger.level
    logger.propagate = True
    caplog.set_level(logging.INFO, "resolver")
    yield
    logger.propagate, _ = before
    logger.setLevel(before[1])


def _with(config: Config, socket: object, *admins: str | int) -> Config:
    return replace(config, control=Control(socket=str(socket), admins=admins))


def _begun(house: House, socket: object, *admins: str | int) -> Config:
    """The configuration of a daemon with this control socket, which is open now."""
    config = _with(house.config, socket, *admins)
    house.daemon.parts.config = config
    house.daemon.control.open(config)
    house.daemon.control.begin(Hooks())
    return config


async def _told(path: Path, **request: object) -> dict[str, Any] | None:
    sock = trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_STREAM)
    await sock.connect(str(path))
    async with trio.SocketStream(sock) as stream:
        return await Client(stream).ask(**request)


@trio_test_real
async def test_it_is_served_and_goes_with_the_daemon(tmp_path: Path) -> None:
    path = tmp_path / "control"
    async with served() as house:
        _begun(house, path)
        reply = await _told(path, do="status")
        assert reply is not None
        assert reply["listening"] == [f"127.0.0.1:{house.port}"]
        house.daemon.control.close()
        assert not path.exists()


@trio_test_real
async def test_where_nobody_asked_for_one_its_lack_is_no_warning(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "none"))
    async with served() as house:
        _begun(house, "auto")
    told = [record for record in caplog.records if "no control socket" in record.message]
    assert [record.levelname for record in told] == ["INFO"]


@trio_test_real
async def test_one_that_was_asked_for_and_cannot_be_had_is_a_warning(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    async with served() as house:
        _begun(house, tmp_path / "none" / "control")
        assert (await ask(house.port, "www.example.com.")).answer  # and no reason not to resolve
    told = [record for record in caplog.records if "no control socket" in record.message]
    assert [record.levelname for record in told] == ["WARNING"]
    assert "there is no such directory" in told[0].message


@trio_test_real
async def test_without_one_nothing_is_opened() -> None:
    async with served() as house:
        _begun(house, "")
        assert "closed" in repr(house.daemon.control)


@trio_test_real
async def test_a_reload_moves_it_or_leaves_all_as_it_was(tmp_path: Path) -> None:
    old, new, taken = (tmp_path / name for name in ("old", "new", "taken"))
    taken.write_text("mine")
    async with served() as house:
        config = _begun(house, old)
        with pytest.raises(ConfigError, match=r"control\.socket.*no socket"):
            await reload(house.daemon, _with(house.allowing("127.0.0.0/8", "192.0.2.1"), taken))
        assert house.daemon.config == config
        assert await _told(old, do="status")
        done = await reload(house.daemon, _with(house.config, new))
        assert done.reopened == ("control.socket",)
        assert not old.exists()
        assert await _told(new, do="status")
        await reload(house.daemon, _with(house.config, ""))
        assert not new.exists()
        await reload(house.daemon, _with(house.config, old))
        assert await _told(old, do="status")
        house.daemon.control.close()


@trio_test_real
async def test_who_has_the_socket_moved_gets_the_reply(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    async with served() as house:
        _begun(house, old)
        sock = trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_STREAM)
        await sock.connect(str(old))
        async with trio.SocketStream(sock) as stream:
            client = Client(stream)
            assert await client.ask(do="status")
            await reload(house.daemon, _with(house.config, new))
            assert await client.ask(do="status")
        house.daemon.control.close()


@trio_test_real
async def test_a_socket_that_somebody_took_away_comes_back_at_a_reload(tmp_path: Path) -> None:
    path = tmp_path / "control"
    async with served() as house:
        config = _begun(house, path)
        path.unlink()
        await reload(house.daemon, config)
        assert await _told(path, do="status")
        house.daemon.control.close()


@trio_test_real
async def test_a_process_without_a_configuration_says_so(tmp_path: Path) -> None:
    path = tmp_path / "control"
    async with served() as house:
        _begun(house, path)
        reply = await _told(path, do="reload")
        assert reply == {
            "id": None, "ok": False, "error": "this process has no configuration to read again",
        }  # fmt: skip
        house.daemon.control.close()


def test_who_may_act(caplog: pytest.LogCaptureFixture) -> None:
    config = _with(Config(), "", "root", 1234, "no-such-account")
    assert module.admins_of(config, 77) == {77, 0, 1234}
    assert "no account 'no-such-account'" in caplog.text


def test_the_group_of_an_account_that_many_share_may_not_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    server = Config().server
    shared = replace(Config(), server=replace(server, user="nobody"))
    own = replace(Config(), server=replace(server, user="daemon"))
    assert module._group_and_owner(shared) == (None, None)
    group, owner = module._group_and_owner(own)
    assert owner is not None
    assert owner[1] == group
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert module._group_and_owner(own) == (None, None)


def test_what_nobody_serves_any_more_is_swept_away(tmp_path: Path) -> None:
    path = tmp_path / "control"
    made = door_socket.opened(path)
    module.sweep(_with(Config(), path))
    assert path.exists()
    made.listener.close()
    module.sweep(_with(Config(), path))
    assert not path.exists()
    path.write_text("mine")
    module.sweep(_with(Config(), path))
    assert path.exists()
