"""Log lines for operators: to stderr or a file, one per change of state, quiet by default.

Names that clients ask for are personal data and stay at DEBUG. Lines carry no time when they go
to a service manager that stamps them itself (JOURNAL_STREAM, set by systemd).
"""

from __future__ import annotations

import errno
import logging
import os
import select
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from resolver.errors import ConfigError, unusable_file
from resolver.runtime.inert import inert

if TYPE_CHECKING:
    from resolver.config.schema import Log

_STAMPED = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_BARE = "%(levelname)s %(name)s: %(message)s"
_log = logging.getLogger(__name__)


class Stderr(logging.StreamHandler[TextIO]):
    """Standard error, for as long as somebody reads it.

    A pipe or terminal that is full loses lines; it does not hold up the daemon. What a reader that
    left or a full disk does not take is lost too: where could we complain?
    """

    def emit(self, record: logging.LogRecord) -> None:
        if _takes_more(self.stream):
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's name
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def _takes_more(stream: TextIO) -> bool:
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return True  # no file, but something in memory
    watch = select.poll()
    watch.register(descriptor, select.POLLOUT)
    return bool(watch.poll(0))


class Formatter(logging.Formatter):
    """One line for what is said, whoever's words are in it; what a traceback adds keeps its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        text = super().formatMessage(record)
        return inert(text)

    def formatException(self, ei: Any) -> str:  # noqa: N802  # logging's name
        lines = super().formatException(ei).split("\n")
        return "\n".join(inert(line) for line in lines)


class LogFile(logging.Handler):
    """A file that can be opened anew, by its name, after somebody moved it away.

    Each line is one write, whole even where several processes share the file, and lost where the
    disk is full. Never waits: a named pipe is only opened while somebody reads it.
    *owner*: user and group that the file is given to by a process that is root and will not stay
    so: whoever it becomes must be able to open it again. Raises OSError.
    """

    def __init__(self, path: Path, owner: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.path = path.absolute()
        self._owner = owner
        self._descriptor = _open(self.path)
        self._give()

    def __repr__(self) -> str:
        return f"<LogFile {self.path}>"

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record) + "\n"
        except Exception:  # noqa: BLE001  # as logging's own handlers do
            self.handleError(record)
            return
        with suppress(OSError):
            os.write(self._descriptor, line.encode("utf-8", "backslashreplace"))

    def reopen(self) -> None:
        """Raises OSError, and goes on with the old one, if the new one cannot be had."""
        fresh = _open(self.path)
        self.acquire()
        try:
            old, self._descriptor = self._descriptor, fresh
        finally:
            self.release()
        with suppress(OSError):
            os.close(old)
        self._give()

    def close(self) -> None:
        super().close()
        if self._descriptor >= 0:
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1

    def _give(self) -> None:
        """A file is ours; a device (/dev/stderr, /dev/null) is everybody's, and keeps its owner."""
        if self._owner is None or os.geteuid() != 0:
            return
        with suppress(OSError):
            if stat.S_ISREG(os.fstat(self._descriptor).st_mode):
                os.fchown(self._descriptor, *self._owner)


def _open(path: Path) -> int:
    return os.open(path, _APPENDING | os.O_CREAT, 0o666)


_APPENDING = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC


def try_out(path: Path) -> None:
    """Raises the OSError that opening the file at *path* would. Makes nothing, changes nothing."""
    try:
        os.close(os.open(path, _APPENDING))
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, f"you may not write in {path.parent}") from None


def unusable(log: Log, error: OSError) -> ConfigError:
    """The sentence for a destination that cannot be opened."""
    where, wanted = "log.destination", '"stderr" or a file to write'
    if error.errno == errno.ENXIO:
        return ConfigError(where, log.destination, f"{wanted} (nobody reads this pipe)")
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        said = f"{wanted} (there is no directory {Path(error.filename).parent})"
        return ConfigError(where, log.destination, said)
    return unusable_file(where, log.destination, wanted, error)


def destination(log: Log, directory: str) -> Path | None:
    """The file that *log* goes to; relative names begin at *directory*. None: stderr."""
    return None if log.destination == "stderr" else Path(directory, log.destination)


def configure(log: Log, *, directory: str = "", owner: tuple[int, int] | None = None) -> None:
    """Send what the program logs where *log* says. Raises OSError if the file cannot be opened."""
    use(opened(log, directory=directory, owner=owner), log.level)


def opened(
    log: Log, *, directory: str = "", owner: tuple[int, int] | None = None
) -> logging.Handler:
    """What leads where *log* says; nothing goes there yet. Raises OSError."""
    path = destination(log, directory)
    handler = Stderr(sys.stderr) if path is None else LogFile(path, owner)
    is_stamped_elsewhere = path is None and "JOURNAL_STREAM" in os.environ
    handler.setFormatter(Formatter(_BARE if is_stamped_elsewhere else _STAMPED))
    return handler


def use(handler: logging.Handler, level: str) -> None:
    """Send what is logged from now on to *handler*, and to nobody else."""
    root = logging.getLogger("resolver")
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level.upper())
    root.propagate = False


def say(sentence: str, level: int = logging.INFO) -> None:
    """One line of *level*, whatever level is logged: somebody has asked for it."""
    for handler in logging.getLogger("resolver").handlers:
        _say(handler, sentence, level)


def reopen(*, tells: bool = True, cause: str = "SIGHUP") -> tuple[list[str], list[str]]:
    """Open the log file anew, and say so in it, whatever the level: somebody has asked for it.

    *tells* False: only what goes wrong is said; another process that shares the file says the rest.
    The files that were, and a sentence for each that cannot be.
    """
    opened_anew: list[str] = []
    troubles: list[str] = []
    for handler in logging.getLogger("resolver").handlers:
        if not isinstance(handler, LogFile):
            if tells:
                _say(handler, f"{cause}: the log goes to stderr, there is no file to reopen")
            continue
        try:
            handler.reopen()
        except OSError as error:
            trouble = f"cannot open {handler.path} ({error.strerror}); going on with the old"
            troubles.append(trouble)
            _say(handler, f"{cause}: {trouble}", logging.ERROR)
            continue
        opened_anew.append(str(handler.path))
        if tells:
            _say(handler, f"{cause}: log file reopened")
    return opened_anew, troubles


def set_level(level: str) -> str:
    """Log *level* and what is more severe from now on; the level before."""
    root = logging.getLogger("resolver")
    before = logging.getLevelName(root.level).lower()
    root.setLevel(level.upper())
    return before


def _say(handler: logging.Handler, sentence: str, level: int = logging.INFO) -> None:
    handler.handle(_log.makeRecord(_log.name, level, __file__, 0, sentence, (), None))
