"""Several processes on one port: started by fork, watched, and started again when one dies.

Each worker binds its own sockets with SO_REUSEPORT, and the kernel spreads clients over them by
address and port. Caches and what is known of servers are each worker's own, so N workers ask
upstream up to N times and fill N caches: that is why the default is one. Limits on queries in
flight are divided by the caller. The parent serves nothing; it keeps its privileges, so that a
worker started again can bind port 53. Imports nothing of the path: it is handed what to run.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import sys
import time
import traceback
from typing import TYPE_CHECKING, Final

from resolver.limits import WORKER_RESTART_SECONDS, WORKERS

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_WATCHED: Final = (*_SIGNALS, signal.SIGCHLD)
_FAILED: Final = 1
_PR_SET_PDEATHSIG: Final = 1


def worker_count(setting: int | str) -> int:
    """How many processes `workers = N | "auto"` means here: "auto" is one per usable CPU."""
    if setting == "auto":
        affinity = getattr(os, "sched_getaffinity", None)
        count = len(affinity(0)) if affinity else os.cpu_count() or 1
    else:
        count = int(setting)
    return max(1, min(count, int(WORKERS.ceiling)))


class Supervisor:
    """Keeps *count* processes running *work* until it is told to stop.

    *work* gets the worker's number and returns its exit status. A worker that ends before the
    stop, whatever its status, is started again after WORKER_RESTART_SECONDS. One exception: if all
    workers fail before any has lasted that long, nothing is going to change (a bad address, say).
    """

    def __init__(
        self, count: int, work: Callable[[int], int], *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.count = count
        self.restarts = 0
        self._work = work
        self._now = now
        self._running: dict[int, int] = {}
        self._started_at: dict[int, float] = {}
        self._is_stopping = False
        self._is_proven = False

    def __repr__(self) -> str:
        return f"<Supervisor {len(self._running)} of {self.count}, {self.restarts} restarts>"

    @property
    def pids(self) -> dict[int, int]:
        """Worker number by process id."""
        return dict(self._running)

    def run(self) -> int:
        """Until SIGTERM or SIGINT; the exit status: that of a worker which never could start.

        Signals stay blocked and are waited for: one that came between a look at the children and
        a wait for them would be lost to handlers.
        """
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
        status = 0
        try:
            for worker in range(self.count):
                self._start(worker)
            while self._running:
                if signal.sigwait(_WATCHED) != signal.SIGCHLD:
                    self._stop()
                status = self._reap() or status
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return status

    def _reap(self) -> int:
        """Look at every child that is gone: one SIGCHLD may stand for several."""
        status = 0
        for known in list(self._running):
            pid, code = os.waitpid(known, os.WNOHANG)
            if pid:
                status = self._ended(pid, code) or status
        return status

    def _start(self, worker: int) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._be(worker)
        self._running[pid] = worker
        self._started_at[pid] = self._now()

    def _be(self, worker: int) -> None:
        """The child's whole life. Never returns into the parent's code."""
        status = _FAILED
        try:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
            _die_with_parent()
            status = self._work(worker)
        except BaseException:  # noqa: BLE001  # whatever it is, this process is over
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _ended(self, pid: int, code: int) -> int:
        """A child is gone: start another, unless we stop. Its status if it could never start."""
        worker = self._running.pop(pid, None)
        if worker is None or self._is_stopping:
            return 0
        lasted = self._now() - self._started_at.pop(pid)
        self._is_proven = self._is_proven or lasted >= float(WORKER_RESTART_SECONDS)
        status = os.waitstatus_to_exitcode(code)
        if not self._is_proven and status > 0:
            self._stop()
            return status
        _log.warning("worker %d ended with status %d; starting it again", worker, status)
        self.restarts += 1
        if signal.sigtimedwait(_SIGNALS, float(WORKER_RESTART_SECONDS)) is not None:
            self._stop()
        if not self._is_stopping:
            self._start(worker)
        return 0

    def _stop(self) -> None:
        self._is_stopping = True
        for pid in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def _die_with_parent() -> None:
    """Linux: SIGTERM to this process when its parent is gone, however that went."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
