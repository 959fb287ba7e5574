"""The file of the control socket: who may open it, what it replaces, and what it never touches."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from resolver.limits import CONTROL_PATH_OCTETS
from resolver.operate import door_socket
from resolver.operate.door_socket import NoDoor

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control"


@pytest.fixture
def door(path: Path) -> Iterator[door_socket.Opened]:
    made = door_socket.opened(path)
    yield made
    door_socket.removed(made)


def _connects(path: Path) -> bool:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
        return True


def test_its_owner_and_its_group_may_open_it(door: door_socket.Opened) -> None:
    found = door.path.stat()
    assert stat.S_ISSOCK(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o660
    assert (found.st_uid, found.st_gid) == (os.geteuid(), os.getegid())
    assert _connects(door.path)
    assert [each.name for each in door.path.parent.iterdir()] == ["control"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_makes_it_for_another_group(path: Path) -> None:
    mask = os.umask(0o022)
    os.umask(mask)
    made = door_socket.opened(path, group=12345)
    assert (path.stat().st_uid, path.stat().st_gid) == (0, 12345)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert (os.getegid(), os.umask(mask)) == (os.getgid(), mask)
    door_socket.removed(made)


def test_it_goes_with_the_daemon(path: Path) -> None:
    door_socket.removed(door_socket.opened(path))
    assert not path.exists()


def test_what_a_dead_daemon_left_is_replaced(path: Path) -> None:
    """Of a process that was killed: the file stays, and nobody listens."""
    code = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    assert path.exists()
    assert not _connects(path)
    made = door_socket.opened(path)
    assert _connects(path)
    door_socket.removed(made)


def test_another_daemon_is_left_alone(door: door_socket.Opened) -> None:
    with pytest.raises(NoDoor, match="another daemon listens there") as told:
        door_socket.opened(door.path)
    assert told.value.is_taken
    assert _connects(door.path)


def test_so_is_one_that_has_much_to_do(door: door_socket.Opened) -> None:
    """A full backlog is no sign of death."""
    clients = []
    for _ in range(100):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        clients.append(client)
        client.settimeout(0)
        try:
            client.connect(str(door.path))
        except BlockingIOError:
            break
    else:
        pytest.fail("the backlog has no end")
    with pytest.raises(NoDoor, match="another daemon"):
        door_socket.opened(door.path)
    for client in clients:
        client.close()


@pytest.mark.parametrize("kind", ["file", "folder", "link to a file", "link to nothing"])
def test_nothing_but_a_socket_is_replaced(path: Path, kind: str) -> None:
    other = path.with_name("other")
    if kind == "file":
        path.write_text("mine")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(other)
        if kind == "link to a file":
            other.write_text("mine")
    before = path.lstat()
    with pytest.raises(NoDoor, match="no socket"):
        door_socket.opened(path)
    assert path.lstat() == before
    assert not other.exists() or other.read_text() == "mine"


def test_where_there_is_no_directory_it_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoDoor, match="there is no such directory"):
        door_socket.opened(tmp_path / "none" / "control")


@pytest.mark.reaches("CONTROL_PATH_OCTETS")
def test_a_path_has_an_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    made = door_socket.opened(Path("x" * CONTROL_PATH_OCTETS))
    door_socket.removed(made)
    with pytest.raises(NoDoor, match="octets"):
        door_socket.opened(Path("x" * (CONTROL_PATH_OCTETS + 1)))


def test_of_another_daemon_nothing_is_removed(path: Path, door: door_socket.Opened) -> None:
    """Its file has been taken away, and another made one there."""
    path.unlink()
    other = door_socket.opened(path)
    assert not door_socket.is_ours(door)
    door_socket.removed(door)
    assert _connects(path)
    door_socket.removed(other)


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The runtime directory that systemd made, else /run/resolver; or as it is configured."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", f"{tmp_path}:/run/other")
    assert door_socket.path_of("auto", "") == tmp_path / "control"
    monkeypatch.delenv("RUNTIME_DIRECTORY")
    assert str(door_socket.path_of("auto", "/var")) == "/run/resolver/control"
    assert str(door_socket.path_of("door", "/var/lib/resolver")) == "/var/lib/resolver/door"
    assert str(door_socket.path_of("/srv/door", "/var")) == "/srv/door"
    assert door_socket.path_of("", "/var") is None
