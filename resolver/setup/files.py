"""Files of the machine, read and written so that nobody but root has a say in where that is.

A path is walked from the root directory by descriptors. Each directory on the way has to belong to
root and be writable by root alone; a link in such a directory is root's own, and is walked in the
same way. The last part of a path is never followed: a link there is read as a link, and replaced as
one. What is written is written beside, synced and renamed: a crash leaves the old or the new. A
file that something is mounted on (a container's resolv.conf) cannot be replaced: that one is
written in place, by one write that is no shorter than what was there, and then cut to its length.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from resolver.limits import SETUP_FILE_OCTETS
from resolver.setup.failures import SetupFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_LINKS: Final = 16
_GROUP_OR_OTHERS_WRITE: Final = 0o022
_OTHERS_WRITE: Final = 0o002
_LOCAL: Final = "/usr/local/"
_BESIDE: Final = ".{}.resolver-new"
_NOT_THIS: Final = frozenset({errno.EBUSY, errno.EXDEV})  # a mount point cannot be renamed over


class Kind(Enum):
    """What there may be at a path."""

    NOTHING = "nothing"
    FILE = "file"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Content:
    """What is at a path: octets with mode and owner, or where a link points to."""

    kind: Kind = Kind.NOTHING
    data: bytes = b""
    target: str = ""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0

    @property
    def lines(self) -> list[str]:
        """A file's text; nothing of what is no text is lost to comparisons."""
        return self.data.decode("utf-8", "surrogateescape").splitlines()


NOTHING: Final = Content()


def link_to(target: str) -> Content:
    return Content(Kind.LINK, target=target)


def text_file(text: str, mode: int = 0o644) -> Content:
    return Content(Kind.FILE, text.encode("utf-8", "surrogateescape"), mode=mode)


class Files:
    """The machine's, below *root*. *pause* is called before each change: tests end there."""

    def __init__(self, root: str = "/", pause: Callable[[str], None] = lambda _: None) -> None:
        self.root = root
        self.pause = pause

    # --- to look -----------------------------------------------------------------------------

    def read(self, path: str) -> Content:
        """What is at *path*. Raises SetupFailed where that is neither a file nor a link."""
        try:
            with self._folder(path) as (folder, name):
                return _read(folder, name, path)
        except (FileNotFoundError, NotADirectoryError):
            return NOTHING

    def followed(self, path: str) -> bytes:
        """The octets that a program reads at *path*, links followed; b"" where there are none."""
        try:
            with open(self._shown(path), "rb") as file:  # one way to open for all
                return file.read(SETUP_FILE_OCTETS)
        except OSError:
            return b""

    def exists(self, path: str) -> bool:
        return os.path.lexists(self._shown(path))

    def is_mount(self, path: str) -> bool:
        """True if something is mounted on the file itself."""
        shown = self._shown(path)
        if os.path.islink(shown):
            return False
        try:
            return os.lstat(shown).st_dev != os.lstat(os.path.dirname(shown)).st_dev or any(
                line.split()[4:5] == [shown] for line in _mounts()
            )
        except OSError:
            return False

    def missing_folders(self, path: str) -> int:
        """How many of the folders above *path* are not there."""
        count, folder = 0, os.path.dirname(path)
        while folder != "/" and not self.exists(folder):
            count, folder = count + 1, os.path.dirname(folder)
        return count

    def _shown(self, path: str) -> str:
        return os.path.join(self.root, path.lstrip("/"))

    # --- to change ---------------------------------------------------------------------------

    def put(self, path: str, content: Content) -> None:
        """Have *content* at *path*, whole or not at all. Raises OSError, SetupFailed."""
        if content.kind is Kind.NOTHING:
            self.remove(path)
            return
        with self._folder(path, makes=True) as (folder, name):
            beside = _BESIDE.format(name)
            self.pause(f"write beside {path}")
            _unlink(folder, beside)
            _make(folder, beside, content)
            self.pause(f"rename to {path}")
            try:
                os.rename(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
            except OSError as error:
                _unlink(folder, beside)
                if error.errno not in _NOT_THIS or content.kind is not Kind.FILE:
                    raise
                _write_in_place(folder, name, content, self.pause)
            os.fsync(folder)

    def remove(self, path: str) -> None:
        """Have nothing at *path*, and nothing left beside it."""
        with suppress(FileNotFoundError), self._folder(path) as (folder, name):
            self.pause(f"remove {path}")
            _unlink(folder, _BESIDE.format(name))
            _unlink(folder, name)
            os.fsync(folder)

    def tidy(self, path: str, folders: int = 0) -> None:
        """Remove what a run that was killed left beside *path*, and *folders* if they are empty."""
        with suppress(FileNotFoundError, NotADirectoryError):
            with self._folder(path) as (folder, name):
                _unlink(folder, _BESIDE.format(name))
            for _ in range(folders):
                path = os.path.dirname(path)
                with self._folder(path) as (folder, name), suppress(OSError):
                    os.rmdir(name, dir_fd=folder)

    @contextmanager
    def _folder(self, path: str, *, makes: bool = False) -> Iterator[tuple[int, str]]:
        """The directory of *path*, opened, and the last part."""
        upper, _, name = path.rpartition("/")
        descriptor = self.open_folder(upper or "/", makes=makes)
        try:
            yield descriptor, name
        finally:
            os.close(descriptor)

    def open_folder(self, path: str, *, makes: bool = False) -> int:
        """A descriptor of the directory *path*, which root alone can have laid there.

        *makes*: what is missing is made. Raises SetupFailed where others may write on the way.
        """
        parts = [part for part in path.split("/") if part]
        links = 0
        here = [os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
        try:
            while parts:
                part = parts.pop(0)
                if part == "..":
                    if len(here) > 1:
                        os.close(here.pop())
                    continue
                target = _link_target(here[-1], part)
                if target is not None:
                    links += 1
                    if links > _MOST_LINKS:
                        raise SetupFailed(f"{path}: too many links on the way")
                    if target.startswith("/"):
                        while len(here) > 1:
                            os.close(here.pop())
                    parts = [one for one in target.split("/") if one not in ("", ".")] + parts
                    continue
                here.append(_enter(here[-1], part, path, makes=makes))
            return os.dup(here[-1])
        finally:
            for descriptor in here:
                os.close(descriptor)


def _enter(folder: int, part: str, path: str, *, makes: bool) -> int:
    try:
        found = os.open(part, _FOLDER, dir_fd=folder)
    except FileNotFoundError:
        if not makes:
            raise
        with suppress(FileExistsError):
            os.mkdir(part, 0o755, dir_fd=folder)
        found = os.open(part, _FOLDER, dir_fd=folder)
    status = os.fstat(found)
    # Debian lets a group write in /usr/local, where that group can replace what root runs anyway.
    forbidden = _OTHERS_WRITE if path.startswith(_LOCAL) else _GROUP_OR_OTHERS_WRITE
    if status.st_uid not in (0, os.geteuid()) or status.st_mode & forbidden:
        os.close(found)
        raise SetupFailed(f"{path}: {part} on the way to it can be written by others than root")
    return found


def _link_target(folder: int, part: str) -> str | None:
    try:
        return os.readlink(part, dir_fd=folder)
    except OSError:  # no link, or nothing there
        return None


def _read(folder: int, name: str, path: str) -> Content:
    target = _link_target(folder, name)
    if target is not None:
        return link_to(target)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        found = os.open(name, flags, dir_fd=folder)
    except FileNotFoundError:
        return NOTHING
    with open(found, "rb") as file:
        status = os.fstat(found)
        if not stat.S_ISREG(status.st_mode):
            raise SetupFailed(f"{path} is neither a file nor a link: move it away")
        data = file.read(SETUP_FILE_OCTETS + 1)
    if len(data) > SETUP_FILE_OCTETS:
        raise SetupFailed(f"{path} has more than {SETUP_FILE_OCTETS} octets: that cannot be meant")
    mode = stat.S_IMODE(status.st_mode)
    return Content(Kind.FILE, data, mode=mode, uid=status.st_uid, gid=status.st_gid)


def _make(folder: int, name: str, content: Content) -> None:
    if content.kind is Kind.LINK:
        os.symlink(content.target, name, dir_fd=folder)
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    made = os.open(name, flags, 0o600, dir_fd=folder)
    with open(made, "wb") as file:
        file.write(content.data)
        file.flush()
        if os.geteuid() == 0:
            os.fchown(made, content.uid, content.gid)
        os.fchmod(made, content.mode)
        os.fsync(made)


def _write_in_place(folder: int, name: str, content: Content, pause: Callable[[str], None]) -> None:
    """For what cannot be replaced. Until it is cut, empty lines fill what was longer."""
    found = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        length = os.fstat(found).st_size
        os.pwrite(found, content.data.ljust(length, b"\n"), 0)
        pause("cut it to its length")
        os.ftruncate(found, len(content.data))
        with suppress(OSError):  # whose it is may be the container engine's business
            os.fchmod(found, content.mode)
            os.fchown(found, content.uid, content.gid)
        os.fsync(found)
    finally:
        os.close(found)


def _unlink(folder: int, name: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def _mounts() -> list[str]:
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []
