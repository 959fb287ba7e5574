"""How a command ends that is interrupted, or that has nobody to write to any more: quietly.

trio wraps what its tasks raise in groups; here they are taken apart, so that Ctrl-C is silence and
status 130, `| head` is silence and 141, a configuration error one line and 2, wherever they struck.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from resolver.errors import CannotStart, ConfigError
from resolver.runtime.interrupt import INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Iterator

FAILED = 1
WRONG_USE = 2
NO_READER = 141  # and of SIGPIPE
_NOWHERE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})  # a disk, a terminal


@contextmanager
def streams() -> Iterator[None]:
    """Standard streams that can be used, whatever the parent closed (`2>&-`).

    A closed one would lend its number to the next socket that is opened.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free: this one
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8", closefd=False))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an arrow on a terminal without it
    yield


def status_of(error: BaseException) -> int:
    """The exit status for *error*, told in a line if that helps. Raises it if it is our fault."""
    causes = tuple(_leaves(error))
    if any(isinstance(cause, SystemExit) for cause in causes):
        try:
            sys.stdout.flush()  # --help waits there
        except OSError as broken:
            return status_of(broken)
        raise error
    if any(isinstance(cause, KeyboardInterrupt) for cause in causes):
        return INTERRUPTED
    if all(isinstance(cause, BrokenPipeError) for cause in causes):
        return NO_READER
    for cause in causes:
        if isinstance(cause, ConfigError | CannotStart):
            _say(str(cause))
            return WRONG_USE if isinstance(cause, ConfigError) else FAILED
        if isinstance(cause, OSError) and (cause.filename or cause.errno in _NOWHERE):
            _say(f"{cause.filename or 'standard output'}: {cause.strerror}")
            return FAILED
    raise error


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _say(sentence: str) -> None:
    with suppress(OSError):
        print(f"resolver: {sentence}", file=sys.stderr, flush=True)


def hush() -> None:
    """What is still in the buffers and has no way out goes nowhere, or the exit would complain."""
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        try:
            stream.flush()
        except (OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, number)
            os.close(nowhere)
