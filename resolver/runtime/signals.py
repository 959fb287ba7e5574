"""Signals: which end the daemon, which it is asked something with, and which it shrugs off.

SIGTERM, SIGINT and SIGQUIT end it (as they do Unbound). SIGHUP, from logrotate, a service manager's
reload or a terminal that was closed, reopens the log. The rest of what people and programs send to
daemons would kill a Unix process by default; here it does nothing. Imports nothing of the path.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
REOPENING: Final = signal.SIGHUP
OBEYED: Final = (*ENDING, REOPENING)
_HARMLESS: Final = tuple(
    getattr(signal, name)
    for name in (
        "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO",
        "SIGPWR", "SIGSTKFLT", "SIGTTIN", "SIGTTOU",
    )
    if hasattr(signal, name)
)  # fmt: skip


@contextmanager
def shielded() -> Iterator[None]:
    """Nothing but ENDING and SIGKILL ends the process inside the block, from its first moment on.

    SIGHUP too is ignored until somebody listens: logrotate does not wait until we are ready.
    Children of a fork inherit it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _HARMLESS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
