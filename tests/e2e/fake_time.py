"""The clock of a daemon under scenarios: libfaketime moves its CLOCK_REALTIME."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def faketime_library() -> Path | None:
    """Where Debian put libfaketime, on whatever machine this is."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


class FakeTime:
    """The daemon's CLOCK_REALTIME: a file with its distance from the true one."""

    def __init__(self, path: Path, wall: float | None) -> None:
        self._path = path
        self._offset = 0.0 if wall is None else wall - time.time()
        self._write()

    def environment(self) -> Mapping[str, str]:
        return {
            **os.environ,
            "LD_PRELOAD": str(faketime_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._path),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "PYTHONHASHSEED": "0",
        }

    def advance(self, seconds: float) -> None:
        self._offset += seconds
        self._write()

    def _write(self) -> None:
        # Replaced in one step: the daemon may read at any moment.
        new = self._path.with_suffix(".new")
        new.write_text(f"{self._offset:+.0f}\n")
        new.replace(self._path)
