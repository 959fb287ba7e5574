"""Several processes on one port: forked, watched, and started again when one dies or hangs.

Each worker binds its own sockets with SO_REUSEPORT, and the kernel deals out questions by name
(`listen.steering`), QUIC by connection, TCP by the client's address and port. Caches are each
worker's own, but what one learns the others find (`cache.common_level`); what is known of servers
is not shared. One is enough for most: that is why it is the default. Limits on queries in flight
are divided by the caller. The parent serves nothing; it keeps its privileges, so that a worker
started again can bind port 53. Imports nothing of the path: it is handed what to run.

A worker that stands still keeps its names, for the kernel does not know. So each
shows signs of life (`Lifeline`), and the supervisor replaces one that has shown none for
WORKER_SILENCE_SECONDS; one at a time, and by its own waking time only: where all stood still
together (a laptop that slept, a process group that was stopped) nobody is to blame.

All can be made anew, one after the other (`Rolling`): who is told to end hands its share on to the
others first (`draining.hand_on`), and the next is told only when its successor serves.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import time
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from resolver.daemon.lifeline import ANEW, REREAD, STOP, Lifeline, Pulse
from resolver.daemon.rolling import Rolling
from resolver.limits import (
    WORKER_BEAT_SECONDS,
    WORKER_RESTART_SECONDS,
    WORKER_STOP_SECONDS,
    WORKERS_RANGE,
)
from resolver.runtime import signals

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)
_WATCHED: Final = (*signals.OBEYED, signal.SIGCHLD)
_FAILED: Final = 1


def worker_count(setting: int | str) -> int:
    """How many processes `workers = N | "auto"` means here: "auto" is one per usable CPU."""
    if setting == "auto":
        affinity = getattr(os, "sched_getaffinity", None)
        count = len(affinity(0)) if affinity else os.cpu_count() or 1
    else:
        count = int(setting)
    return max(1, min(count, WORKERS_RANGE[1]))


@dataclass(slots=True)
class _Worker:
    """One of the processes: its number, what is known of its life, and since when it lives."""

    number: int
    pid: int
    pulse: Pulse
    began: float


@dataclass(frozen=True, slots=True)
class Hooks:
    """What others do at turns of the supervisor's life: all workers serve; stopping; SIGHUP;
    each turn of its loop, with the time; a worker has read the configuration again; all are about
    to be made anew."""

    on_ready: Callable[[], None] = field(default=lambda: None)
    on_stopping: Callable[[], None] = field(default=lambda: None)
    on_reopen: Callable[[], None] = field(default=lambda: None)
    on_turn: Callable[[float], None] = field(default=lambda _: None)
    on_reread: Callable[[], None] = field(default=lambda: None)
    on_anew: Callable[[], None] = field(default=lambda: None)


class Supervisor:
    """Keeps *count* processes running *work* until it is told to stop.

    *work* gets the worker's number and returns its exit status; its process finds its `lifeline`
    here. A worker that ends before the stop, whatever its status, is started again at once, but not
    sooner than WORKER_RESTART_SECONDS after it began. One exception: if one fails before any has
    shown a sign of life, nothing is going to change soon (a bad address, a port that stays busy).
    *leave_s*: how long who is made anew may take to answer what it was asked.
    """

    def __init__(
        self,
        count: int,
        work: Callable[[int], int],
        *,
        hooks: Hooks | None = None,
        now: Callable[[], float] = time.monotonic,
        leave_s: float = WORKER_STOP_SECONDS,
    ) -> None:
        self.count = count
        self._rolling = Rolling(leave_s)
        self.restarts = 0
        self.lifeline: Lifeline | None = None
        self._work = work
        self._hooks = hooks or Hooks()
        self._now = now
        self._running: dict[int, _Worker] = {}
        self._due: dict[int, float] = {}  # when to start a worker again, by its number
        self._stop_by: float | None = None
        self._is_proven = False
        self._is_ready = False

    def __repr__(self) -> str:
        return f"<Supervisor {len(self._running)} of {self.count}, {self.restarts} restarts>"

    def run(self) -> int:
        """Until SIGTERM, SIGINT or SIGQUIT; the exit status: that of a worker which never could
        start.

        Signals stay blocked and are waited for: one that came between a look at the children and
        a wait for them would be lost to handlers.
        """
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
        status = 0
        try:
            for number in range(self.count):
                self._start(number)
            while self._running or self._due:
                is_calm = self._is_ready and self._stop_by is None and not self._rolling.is_on
                patience_s = WORKER_BEAT_SECONDS / (1 if is_calm else 8)
                arrived = signal.sigtimedwait(_WATCHED, patience_s)
                if arrived is not None:
                    self._obey(arrived.si_signo)
                status = self._reap() or status
                self._look_after()
                self._hooks.on_turn(self._now())
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return status

    def _obey(self, number: int) -> None:
        if number in signals.ENDING:
            self._stop()
        elif number == signals.REOPENING:
            self._hooks.on_reopen()
            self._send(signals.REOPENING)

    def _reap(self) -> int:
        """Look at every child that is gone: one SIGCHLD may stand for several."""
        status = 0
        for known in list(self._running):
            pid, code = os.waitpid(known, os.WNOHANG)
            if pid:
                status = self._ended(self._running.pop(pid), code) or status
        return status

    def _look_after(self) -> None:
        """What is due: workers to start again, to replace, or, at the end, to kill."""
        now = self._now()
        if self._stop_by is not None:
            if now >= self._stop_by:
                self._send(signal.SIGKILL)
            return
        for number in [number for number, at in self._due.items() if at <= now]:
            del self._due[number]
            self._start(number)
        for worker in list(self._running.values()):
            worker.pulse.feel(now)
            self._heed(worker.pulse.take_told())
        if not self._is_ready and self._all_beat():
            self._is_ready = True
            self._hooks.on_ready()
        self._replace_one_silent()
        if self._stop_by is None:
            pids = {worker.number: worker.pid for worker in self._running.values()}
            self._rolling.turn(pids, now, are_all_well=not self._due and self._all_beat())

    def _heed(self, told: bytes) -> None:
        """Do what a worker was asked for that is the supervisor's to do."""
        if STOP in told:
            self._stop()
        elif ANEW in told:
            self._hooks.on_anew()
            self._rolling.begin(self.count)
        elif REREAD in told:
            self._hooks.on_reread()

    def _all_beat(self) -> bool:
        beating = sum(worker.pulse.has_beaten for worker in self._running.values())
        return beating == self.count

    def _replace_one_silent(self) -> None:
        """Kill the worker that has been silent longest. The next one only when its successor beats:
        a machine so slow that all seem dead must not lose all its caches at once."""
        if self._due or (self._is_ready and not self._all_beat()):
            return
        silent = [
            worker
            for worker in self._running.values()
            if worker.pid != self._rolling.leaving and worker.pulse.is_lost(worker.pid)
        ]
        for worker in sorted(silent, key=lambda worker: -worker.pulse.silence_s)[:1]:
            _log.warning(
                "worker %d has not shown any life for %.0f s; replacing it",
                worker.number,
                worker.pulse.silence_s,
            )
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGKILL)

    def _start(self, number: int) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        mine, theirs = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.close(mine)
            for other in self._running.values():
                other.pulse.close()
            self._be(number, Lifeline(theirs, parent))
        os.close(theirs)
        now = self._now()
        self._running[pid] = _Worker(number, pid, Pulse(mine, now), now)

    def _be(self, number: int, lifeline: Lifeline) -> None:
        """The child's whole life. Never returns into the parent's code."""
        status = _FAILED
        try:
            for ending in signals.ENDING:
                signal.signal(ending, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
            self.lifeline = lifeline
            lifeline.tie()
            status = self._work(number)
        except BaseException:  # noqa: BLE001  # whatever it is, this process is over
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _ended(self, worker: _Worker, code: int) -> int:
        """A child is gone: start another, unless we stop. Its status if it could never start."""
        now = self._now()
        worker.pulse.feel(now)
        worker.pulse.close()
        self._heed(worker.pulse.take_told())  # its last word
        if self._stop_by is not None:
            return 0
        self._is_proven = self._is_proven or worker.pulse.has_beaten
        status = os.waitstatus_to_exitcode(code)
        if not self._is_proven and status > 0:
            self._stop()
            return status
        if not self._rolling.has_ended(worker.pid, status):
            _log.warning("worker %d ended with status %d; starting it again", worker.number, status)
            self.restarts += 1
        self._due[worker.number] = max(now, worker.began + WORKER_RESTART_SECONDS)
        return 0

    def _stop(self) -> None:
        if self._stop_by is None:
            self._stop_by = self._now() + WORKER_STOP_SECONDS
            self._hooks.on_stopping()
        self._due.clear()
        self._send(signal.SIGTERM)

    def _send(self, number: int) -> None:
        for pid in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
