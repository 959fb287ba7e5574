"""Where the second level lies: a directory of its own in `working_directory`, its key and its lock.

The directory is 0700 and what is in it 0600, for the names that people ask for are personal data.
It must be the account's that we run as. One daemon uses it at a time, with all its workers. While
the file is being opened a mark lies beside it: who finds one knows that the last to open it died of
it, and does without, once. Raises StoreFailed with a sentence wherever it cannot be.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from resolver.cache.store_sqlite import SqliteStore, discard, set_aside
from resolver.errors import StoreDamaged, StoreFailed
from resolver.runtime.private_files import private_directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from resolver.cache.store import File

DIRECTORY: Final = "cache"
FILE: Final = "store.sqlite"
_KEY_OCTETS: Final = 32
_TRIES: Final = 20
_PAUSE_S: Final = 0.01


class StoreFiles:
    """The directory *path*. *owner*: what all workers of this daemon have, and no other one.

    *worker*: the number of this one.
    """

    def __init__(self, path: Path, *, owner: bytes, worker: int = 0) -> None:
        self.path = path
        self.file = path / FILE
        self.key = b""
        self._owner = owner
        self._mark = path / f"opening-{worker}"
        self._lock = -1
        self.was_damaged = ""

    def __repr__(self) -> str:
        return f"<StoreFiles {self.path}>"

    def open(self) -> SqliteStore:
        """The store, begun anew where it is not there or damaged. `was_damaged` says why."""
        try:
            reason = private_directory(self.path)
            if reason:
                raise StoreFailed(reason)
            self._take_lock()
            self.key = self._read_key()
            with self._marked():
                return self._opened()
        except OSError as error:
            raise StoreFailed(f"{error.strerror or error}") from None

    def _take_lock(self) -> None:
        """Share the lock with our own workers; nobody else may have it."""
        if self._lock < 0:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._lock = os.open(self.path / "lock", flags, 0o600)
        for _ in range(_TRIES):
            if self._has_lock():
                return
            time.sleep(_PAUSE_S)  # somebody is between taking it and sharing it
        raise StoreFailed("another daemon uses it")

    def _has_lock(self) -> bool:
        lock = self._lock
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            os.ftruncate(lock, 0)
            os.pwrite(lock, self._owner, 0)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return os.pread(lock, len(self._owner) + 1, 0) == self._owner

    def _read_key(self) -> bytes:
        """The key of the checksums, drawn once. It lies apart from what it vouches for."""
        path = self.path / "key"
        for _ in range(_TRIES):
            with suppress(FileNotFoundError):
                found = path.read_bytes()
                if len(found) == _KEY_OCTETS:
                    return found
                path.unlink()
            self._draw_key(path)
        raise StoreFailed("its key cannot be read")

    def _draw_key(self, path: Path) -> None:
        """Whole or not at all, and the first to draw one wins."""
        beside = path.with_name(f"key.{os.getpid()}.new")
        _write_private(beside, os.urandom(_KEY_OCTETS))
        try:
            with suppress(FileExistsError):
                path.hardlink_to(beside)
        finally:
            beside.unlink()

    @contextmanager
    def _marked(self) -> Iterator[None]:
        try:
            _write_private(self._mark, b"")
        except FileExistsError:
            self._mark.unlink()
            message = "the last start ended while it was being opened; the next one tries again"
            raise StoreFailed(message) from None
        try:
            yield
        finally:
            self._mark.unlink(missing_ok=True)

    def _opened(self) -> SqliteStore:
        for _ in range(_TRIES):
            with suppress(FileExistsError):
                _write_private(self.file, b"")  # or SQLite would have everybody read it
            try:
                return SqliteStore(self.file, self.key)
            except StoreDamaged as error:
                self.was_damaged = str(error)
                set_aside(self.file)
            except StoreFailed as error:
                if "locked" not in str(error):
                    raise
                time.sleep(_PAUSE_S)  # another worker is beginning it
        raise StoreFailed("it is locked")

    def again(self, old: File) -> SqliteStore:
        """Another file in the place of *old*, which is damaged, unless somebody has begun one."""
        is_replaced = old.is_replaced
        old.close()
        try:
            if not is_replaced:
                set_aside(self.file)
            return self._opened()
        except OSError as error:
            raise StoreFailed(f"{error.strerror or error}") from None

    def close(self) -> None:
        """Let go of the lock. Idempotent."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _write_private(path: Path, octets: bytes) -> None:
    """A new file that only we may read. Raises FileExistsError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    fresh = os.open(path, flags, 0o600)
    try:
        os.write(fresh, octets)
    finally:
        os.close(fresh)


def forget(path: Path) -> bool:
    """Delete what an earlier configuration had kept in *path*; True if there was something."""
    try:
        return discard(path / FILE) if path.is_dir() else False
    except OSError:
        return False
