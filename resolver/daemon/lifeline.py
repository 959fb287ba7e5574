"""What ties a worker to its supervisor: signs of life one way, death in company the other.

A pipe from each worker: an octet every WORKER_BEAT_SECONDS, or another that has the supervisor do
something, as somebody has asked the worker to. And a death signal from the kernel,
which forgets it when the process changes its user: so it is asked for again then, and whether the
parent is still there is looked at afterwards, for it may have died in between (prctl(2)).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import Final, NamedTuple

import trio

from resolver.limits import (
    WORKER_BEAT_SECONDS,
    WORKER_BUSY_SECONDS,
    WORKER_SILENCE_SECONDS,
    WORKER_SPIN_SECONDS,
)

_PR_SET_PDEATHSIG: Final = 1
_AT_ONCE: Final = 4096
# What a worker may have its supervisor do: read the configuration too; make all workers anew, one
# after the other; end them.
REREAD: Final = b"r"
ANEW: Final = b"a"
STOP: Final = b"s"
_USER_TICKS: Final = 11  # behind the state; the system's follow
_BUSY_STATES: Final = frozenset({b"R", b"D"})  # running or waiting for the disk (proc(5), stat)


class Lifeline:
    """A worker's end. *descriptor* is the pipe's, *parent* the supervisor's process id."""

    def __init__(self, descriptor: int, parent: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._parent = parent

    def tie(self) -> None:
        """End with the parent, from now on. To be called again after a change of user."""
        if sys.platform == "linux":
            with contextlib.suppress(OSError, AttributeError):
                ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
        if os.getppid() != self._parent:
            os.kill(os.getpid(), signal.SIGTERM)

    def tell(self, word: bytes) -> None:
        """Have the supervisor do something at its next look: REREAD, ANEW or STOP."""
        with contextlib.suppress(OSError):
            os.write(self._descriptor, word)

    async def keep_beating(self) -> None:
        """A sign of life every WORKER_BEAT_SECONDS, until cancelled or until nobody listens."""
        while self.beat():  # noqa: ASYNC110  # time is what it waits for
            await trio.sleep(WORKER_BEAT_SECONDS)

    def beat(self) -> bool:
        """One sign of life. False if nobody listens: then the process has been told to end."""
        try:
            os.write(self._descriptor, b".")
        except BlockingIOError:
            return True  # the supervisor is stopped: it will find enough of them
        except OSError:
            os.kill(os.getpid(), signal.SIGTERM)  # it is gone, and the port is another's now
            return False
        return True


class Pulse:
    """The supervisor's end: how long a worker has been silent, by the supervisor's waking time, and
    what it has *told*.

    Two looks further apart than usual mean that the supervisor itself stood still: that time is
    nobody's silence.
    """

    def __init__(self, descriptor: int, now: float) -> None:
        os.set_blocking(descriptor, False)
        self.has_beaten = False
        self.silence_s = 0.0
        self.told = b""
        self._descriptor = descriptor
        self._felt_at = now
        self._cpu_s = 0.0  # that the process had used when it was first missed

    def __repr__(self) -> str:
        return f"<Pulse, silent for {self.silence_s:.1f} s>"

    def feel(self, now: float) -> None:
        """Take in the signs of life that came since the last look, at *now* seconds."""
        step_s, self._felt_at = now - self._felt_at, now
        if self._has_signs():
            self.has_beaten = True
            self.silence_s = 0.0
        elif step_s <= 2 * WORKER_BEAT_SECONDS:
            self.silence_s += step_s
        else:
            self.silence_s = 0.0

    def is_lost(self, pid: int) -> bool:
        """True if the process is to be replaced. One that waits for the CPU or the disk, or starts,
        is given longer; one that computes without end has had its share."""
        if self.silence_s < WORKER_SILENCE_SECONDS:
            self._cpu_s = 0.0
            return False
        if self.silence_s >= WORKER_BUSY_SECONDS:
            return True
        doing = doing_of(pid)
        self._cpu_s = self._cpu_s or doing.cpu_s
        has_spun = doing.cpu_s - self._cpu_s >= WORKER_SPIN_SECONDS
        return self.has_beaten and (has_spun or not doing.is_busy)

    def close(self) -> None:
        os.close(self._descriptor)

    def _has_signs(self) -> bool:
        try:
            signs = os.read(self._descriptor, _AT_ONCE)
        except BlockingIOError:
            return False
        self.told += signs.replace(b".", b"")
        return bool(signs)

    def take_told(self) -> bytes:
        """What the worker wanted done since the last time."""
        told, self.told = self.told, b""
        return told


class Doing(NamedTuple):
    """What a process does: wants the CPU or waits for the disk (*is_busy*); what it has used."""

    is_busy: bool
    cpu_s: float


def doing_of(pid: int) -> Doing:
    """Of process *pid*; where nobody can tell it is busy."""
    try:
        stat = Path("/proc", str(pid), "stat").read_bytes()
    except OSError:
        return Doing(is_busy=True, cpu_s=0.0)
    fields = stat.rpartition(b") ")[2].split()
    ticks = int(fields[_USER_TICKS]) + int(fields[_USER_TICKS + 1])
    return Doing(fields[0] in _BUSY_STATES, ticks / os.sysconf("SC_CLK_TCK"))
