"""The files of the query log: `queries/DAY-NUMBER.jsonl` in `working_directory`, 0600 within 0700.

A day (UTC) begins a file, and so does one that is full. Several workers append to the same file,
each batch of whole lines in one write. What is too old goes, and the oldest where room is needed.
Everything here may wait for the disk, so it is called from a thread. Raises OSError.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.limits import QUERY_LOG_FILES
from resolver.runtime.private_files import private_directory, shared_account

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DIRECTORY: Final = "queries"
_PATTERN: Final = "[0-9]*-[0-9]*.jsonl"
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_PRIVATE: Final = 0o600


class Keeping(NamedTuple):
    """How long lines are kept, and how many octets of them."""

    days: int
    octets: int


class QueryLogFiles:
    """The files in *directory*; nothing is opened before something is written."""

    def __init__(self, directory: Path, keeping: Keeping) -> None:
        self.keeping = keeping
        self._directory = directory
        self._descriptor = -1
        self._day = ""
        self._is_torn = False

    def __repr__(self) -> str:
        return f"<QueryLogFiles {self._directory}>"

    def write(self, lines: list[bytes], wall: float) -> None:
        """Append *lines*, one or more in each, at Unix time *wall*.

        After a failure the last one may be torn.
        """
        for part in self._parts(lines):
            self._have_room(f"{datetime.fromtimestamp(wall, UTC):%Y%m%d}", wall)
            octets = b"\n" + part if self._is_torn else part
            self._is_torn = True
            while octets:
                octets = octets[os.write(self._descriptor, octets) :]
            self._is_torn = False

    def prune(self, wall: float) -> None:
        """Delete what is too old at Unix time *wall*, and what there is no room for."""
        oldest = datetime.fromtimestamp(wall, UTC) - timedelta(days=self.keeping.days)
        left = self.keeping.octets - self._most
        for path in reversed(log_files(self._directory)):
            with suppress(FileNotFoundError):  # another worker was here first
                left -= path.stat().st_size
                if left < 0 or path.name < f"{oldest:%Y%m%d}":
                    path.unlink()

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @property
    def _most(self) -> int:
        """Octets of one file."""
        return self.keeping.octets // QUERY_LOG_FILES

    def _parts(self, lines: list[bytes]) -> Iterator[bytes]:
        """*lines* joined, no part longer than a file may be."""
        part: list[bytes] = []
        size = 0
        for line in lines:
            if size + len(line) > self._most and part:
                yield b"".join(part)
                part, size = [], 0
            part.append(line)
            size += len(line)
        if part:
            yield b"".join(part)

    def _have_room(self, day: str, wall: float) -> None:
        """Have a file open that lines of *day* go to."""
        if self._descriptor >= 0 and day == self._day:
            found = os.fstat(self._descriptor)
            if found.st_size < self._most and found.st_nlink:
                return
        self._open(day)
        self.prune(wall)

    def _open(self, day: str) -> None:
        reason = shared_account() or private_directory(self._directory)
        if reason:
            raise PermissionError(None, reason)
        numbers = [int(path.stem[len(day) + 1 :]) for path in log_files(self._directory, day)]
        number = max(numbers, default=1)
        path = self._directory / f"{day}-{number:06d}.jsonl"
        with suppress(FileNotFoundError):
            if path.stat().st_size >= self._most:
                path = self._directory / f"{day}-{number + 1:06d}.jsonl"
        fresh = os.open(path, _FLAGS, _PRIVATE)
        self.close()
        self._descriptor, self._day = fresh, day


def log_files(directory: Path, day: str = "") -> list[Path]:
    """The files that are there, of one *day* or of all, the oldest first."""
    pattern = f"{day}-[0-9]*.jsonl" if day else _PATTERN
    return sorted(path for path in directory.glob(pattern) if path.stem.replace("-", "").isdigit())
