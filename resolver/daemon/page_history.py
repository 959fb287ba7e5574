"""The page's timeline: memory that outlives the page's process, and a file that outlives ours.

The memory's size is sealed: whoever has it can neither cut it short, which would kill a reader with
SIGBUS, nor have it grow. The page's process writes there, and only there. What stands in it is kept
in `working_directory` each WEB_HISTORY_SECONDS and at the end, and taken back at the start: a kill
loses so much at most. Where the file cannot be read, that is told and the day begins anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import zlib
from threading import Lock
from typing import TYPE_CHECKING, Final

import trio

from resolver.daemon.state import WEB_HISTORY
from resolver.errors import WireError
from resolver.limits import WEB_HISTORY_SECONDS
from resolver.operate.numbers import KINDS
from resolver.operate.timeline import OCTETS
from resolver.runtime.hop import hop

if TYPE_CHECKING:
    from resolver.daemon.state import StateDirectory
    from resolver.runtime.clock import Clock

_log = logging.getLogger(__name__)
_PRIVATE: Final = 0o600  # when people are at home
_HEAD: Final = f"resolver web-history 1 {','.join(KINDS)}\n".encode()  # another layout is foreign
_DIGEST_OCTETS: Final = 16
_MOST: Final = OCTETS + 1024  # of a file: rows that cannot be packed take a little more


class History:
    """One for the daemon's life, whichever page there is. *descriptor*: of the memory."""

    def __init__(self, state: StateDirectory) -> None:
        self.descriptor = _memory()
        self._state = state
        self._kept = bytes(OCTETS)
        self._one_at_a_time = Lock()

    def __repr__(self) -> str:
        return f"<History of {OCTETS} octets>"

    def take_back(self) -> None:
        """Have what was kept. Never raises."""
        try:
            octets = self._state.read(WEB_HISTORY, _MOST + 1)
            if octets is not None:
                self._kept = rows_untrusted(octets)
                os.pwrite(self.descriptor, self._kept, 0)
        except (OSError, WireError) as error:
            aside = self._state.set_aside(WEB_HISTORY)
            told = "the page's timeline cannot be read (now %s), and begins anew: %s"
            _log.warning(told, aside, error)

    async def run(self, clock: Clock) -> None:
        """Keep it, until cancelled."""
        while True:
            await trio.sleep(WEB_HISTORY_SECONDS)
            await hop(clock, self.keep)

    def keep(self) -> None:
        """Write what is new. Never raises; from any thread."""
        with self._one_at_a_time:
            if self.descriptor < 0:
                return
            rows = os.pread(self.descriptor, OCTETS, 0)
            if rows != self._kept and self._state.write(WEB_HISTORY, _file_of(rows), mode=_PRIVATE):
                self._kept = rows

    def close(self) -> None:
        """Keep it for the last time, and let go. Idempotent."""
        self.keep()
        with self._one_at_a_time:
            descriptor, self.descriptor = self.descriptor, -1
            if descriptor >= 0:
                os.close(descriptor)


def _memory() -> int:
    """A descriptor of it, empty."""
    memory = os.memfd_create("page-timeline", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(memory, OCTETS)
    fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    return memory


def _file_of(rows: bytes) -> bytes:
    packed = zlib.compress(rows)
    return _HEAD + _digest(packed) + packed


def _digest(packed: bytes) -> bytes:
    return hashlib.blake2b(packed, digest_size=_DIGEST_OCTETS).digest()


def rows_untrusted(octets: bytes) -> bytes:
    """The rows of a file, OCTETS of them; what they say `timeline` judges. Raises WireError."""
    if not octets.startswith(_HEAD) or len(octets) > _MOST:
        raise WireError("it is no timeline of this version")
    start = len(_HEAD) + _DIGEST_OCTETS
    packed = octets[start:]
    if octets[len(_HEAD) : start] != _digest(packed):
        raise WireError("it is damaged")
    try:
        rows = zlib.decompressobj().decompress(packed, OCTETS + 1)
    except zlib.error as error:
        raise WireError(f"it is damaged: {error}") from None
    if len(rows) != OCTETS:
        raise WireError(f"it has not {OCTETS} octets")
    return rows
