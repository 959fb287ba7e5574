"""The file of the control socket: made, taken over from a daemon that died, removed.

What a dead daemon has left is taken away first. Nothing but a socket is ever replaced, and no
symbolic link is followed; where another daemon listens it is left alone. Root and the group may
open it, nobody else: the group is the daemon's own, but never that of the shared account `nobody`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.errors import ResolverError
from resolver.limits import CONTROL_CLIENTS, CONTROL_PATH_OCTETS

if TYPE_CHECKING:
    from collections.abc import Iterator

AUTO: Final = "auto"
_USUAL: Final = Path("/run/resolver")
_FILE: Final = "control"
_MASK: Final = 0o117  # what 0660 leaves out


class NoDoor(ResolverError):
    """The socket cannot be had; the sentence says why. *is_taken*: another daemon has it."""

    def __init__(self, sentence: str, *, is_taken: bool = False) -> None:
        super().__init__(sentence)
        self.is_taken = is_taken


class Opened(NamedTuple):
    """The listening socket, where its file is, and which file that is (device, inode)."""

    listener: socket.socket
    path: Path
    file: tuple[int, int]


def usual_path() -> Path:
    """Where the socket is, if the configuration says nothing: in the runtime directory."""
    given = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return Path(given or _USUAL, _FILE)


def path_of(setting: str, directory: str) -> Path | None:
    """The path that `control.socket` means; relative ones begin at *directory*. None: no socket."""
    if not setting:
        return None
    return usual_path() if setting == AUTO else Path(directory, setting).absolute()


def make_usual_directory(owner: tuple[int, int] | None) -> None:
    """Have /run/resolver, where that is where the socket goes and we may make it.

    *owner*: the account and group it will be for. Never raises: whether it is there shows later.
    """
    if usual_path().parent != _USUAL:
        return
    with suppress(OSError):
        _USUAL.mkdir(mode=0o755)
        if owner is not None:
            os.chown(_USUAL, *owner, follow_symlinks=False)


def trouble_of(path: Path) -> str:
    """Why no socket can be at *path*; "" if it may be. Nothing is made."""
    try:
        os.close(_folder(path))
    except NoDoor as error:
        return str(error)
    return ""


def opened(path: Path, *, group: int | None = None) -> Opened:
    """A listening socket at *path*, for the user that we are and *group*. Raises NoDoor."""
    folder = _folder(path)
    try:
        with _one_at_a_time(folder, path):
            _make_room(path)
            return _bound(path, group)
    except OSError as error:
        raise NoDoor(f"{path}: {error.strerror or error}") from None
    finally:
        os.close(folder)


def _folder(path: Path) -> int:
    if len(os.fsencode(path)) > CONTROL_PATH_OCTETS:
        raise NoDoor(f"{path}: a path of more than {CONTROL_PATH_OCTETS} octets")
    try:
        return os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        reason = "there is no such directory" if error.errno == errno.ENOENT else error.strerror
        raise NoDoor(f"{path.parent}: {reason}") from None


@contextmanager
def _one_at_a_time(folder: int, path: Path) -> Iterator[None]:
    """Two daemons that start together would each take the other's new socket for a dead one's."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise NoDoor(f"{path}: another daemon opens it just now") from None
    try:
        yield
    finally:
        fcntl.flock(folder, fcntl.LOCK_UN)


def _make_room(path: Path) -> None:
    """Take away what a dead daemon left. Raises NoDoor if what is there is not ours to replace."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise NoDoor(f"{path}: it is there, and no socket")
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
        probe.settimeout(0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()  # nobody listens: its daemon is dead
            return
        except BlockingIOError:
            pass  # somebody does, and has much to do
        raise NoDoor(f"{path}: another daemon listens there", is_taken=True)


def _bound(path: Path, group: int | None) -> Opened:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _made_for(group):
            listener.bind(str(path))
        listener.listen(CONTROL_CLIENTS)
        listener.settimeout(0)
        return Opened(listener, path, _which(path))
    except BaseException:
        listener.close()
        raise


@contextmanager
def _made_for(group: int | None) -> Iterator[None]:
    """What is made in here is for its owner and *group* from its first moment on.

    Never changed afterwards: by then somebody might have put another file in its place.
    """
    mask, own = os.umask(_MASK), os.getegid()
    try:
        if group is not None:
            os.setegid(group)
        yield
    finally:
        if group is not None:
            os.setegid(own)
        os.umask(mask)


def _which(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino


def sweep(path: Path) -> None:
    """Take away the socket at *path* if nobody listens there. Never raises."""
    with suppress(NoDoor, OSError):
        _make_room(path)


def is_ours(door: Opened) -> bool:
    """Does its path still lead to it?"""
    try:
        return _which(door.path) == door.file
    except OSError:
        return False


def removed(door: Opened) -> None:
    """Close it, and take its file away. Never raises."""
    door.listener.close()
    unlinked(door)


def unlinked(door: Opened) -> None:
    """Take its file away, if it is still ours and we may. Never raises."""
    with suppress(OSError):
        if is_ours(door):
            door.path.unlink()
