"""Log lines for operators: to stderr or a file, one per change of state, quiet by default.

Names that clients ask for are personal data and stay at DEBUG. Lines carry no time when they go
to a service manager that stamps them itself (JOURNAL_STREAM, set by systemd).
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resolver.config.schema import Log

_STAMPED = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_BARE = "%(levelname)s %(name)s: %(message)s"
_log = logging.getLogger(__name__)


class LogFile(logging.FileHandler):
    """A file that can be opened anew, by its name, after somebody moved it away.

    *owner*: user and group that the file is given to by a process that is root and will not stay
    so: whoever it becomes must be able to open it again.
    """

    def __init__(self, path: Path, owner: tuple[int, int] | None = None) -> None:
        super().__init__(path, encoding="utf-8", errors="backslashreplace")
        self._owner = owner
        self._give()

    def reopen(self) -> None:
        """Raises OSError, and goes on with the old one, if the new one cannot be had."""
        fresh = self._open()
        self.acquire()
        try:
            old, self.stream = self.stream, fresh
        finally:
            self.release()
        if old is not None:
            old.close()
        self._give()

    def _give(self) -> None:
        if self._owner is not None and self.stream is not None and os.geteuid() == 0:
            with suppress(OSError):
                os.fchown(self.stream.fileno(), *self._owner)


def destination(log: Log, directory: str) -> Path | None:
    """The file that *log* goes to; relative names begin at *directory*. None: stderr."""
    return None if log.destination == "stderr" else Path(directory, log.destination)


def configure(log: Log, *, directory: str = "", owner: tuple[int, int] | None = None) -> None:
    """Send what the program logs where *log* says. Raises OSError if the file cannot be opened."""
    root = logging.getLogger("resolver")
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    path = destination(log, directory)
    handler = logging.StreamHandler(sys.stderr) if path is None else LogFile(path, owner)
    is_stamped_elsewhere = path is None and "JOURNAL_STREAM" in os.environ
    handler.setFormatter(logging.Formatter(_BARE if is_stamped_elsewhere else _STAMPED))
    root.addHandler(handler)
    root.setLevel(log.level.upper())
    root.propagate = False


def reopen(*, tells: bool = True) -> None:
    """Open the log file anew, and say so in it, whatever the level: somebody has asked for it.

    *tells* False: only what goes wrong is said; another process that shares the file says the rest.
    """
    for handler in logging.getLogger("resolver").handlers:
        if not isinstance(handler, LogFile):
            if tells:
                _say(handler, "SIGHUP: the log goes to stderr, there is no file to reopen")
            continue
        try:
            handler.reopen()
        except OSError as error:
            name = handler.baseFilename
            _say(handler, f"SIGHUP: cannot open {name} ({error.strerror}); going on with the old")
            continue
        if tells:
            _say(handler, "SIGHUP: log file reopened")


def _say(handler: logging.Handler, sentence: str) -> None:
    handler.handle(_log.makeRecord(_log.name, logging.INFO, __file__, 0, sentence, (), None))
