"""Signs of life: who is silent, who is only busy, and when nobody is to blame."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.daemon import lifeline
from resolver.daemon.lifeline import Doing, Lifeline, Pulse, doing_of
from resolver.limits import (
    WORKER_BEAT_SECONDS,
    WORKER_BUSY_SECONDS,
    WORKER_SILENCE_SECONDS,
    WORKER_SPIN_SECONDS,
)
from tests.support import trio_test

if TYPE_CHECKING:
    from collections.abc import Iterator

SILENCE = WORKER_SILENCE_SECONDS


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def _looks(pulse: Pulse, since: float, until: float) -> float:
    """A look each WORKER_BEAT_SECONDS; the time of the last."""
    while since < until:
        since += WORKER_BEAT_SECONDS
        pulse.feel(since)
    return since


@pytest.mark.reaches("WORKER_SILENCE_SECONDS", "WORKER_BUSY_SECONDS")
def test_a_silent_worker_is_lost_and_a_busy_one_only_much_later(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that computes, or that a machine does not let compute, would be slower if replaced."""
    doing = {1: Doing(is_busy=True, cpu_s=7.0), 2: Doing(is_busy=False, cpu_s=7.0)}
    monkeypatch.setattr(lifeline, "doing_of", doing.__getitem__)
    pulse = Pulse(pipe[0], 0.0)
    os.write(pipe[1], b".")
    now = _looks(pulse, 0.0, SILENCE - WORKER_BEAT_SECONDS)
    assert pulse.has_beaten
    assert not pulse.is_lost(2)
    now = _looks(pulse, now, SILENCE + 1)
    assert pulse.is_lost(2)
    assert not pulse.is_lost(1)
    now = _looks(pulse, now, WORKER_BUSY_SECONDS - 1)
    assert not pulse.is_lost(1)
    _looks(pulse, now, WORKER_BUSY_SECONDS + 1)
    assert pulse.is_lost(1)


@pytest.mark.reaches("WORKER_SPIN_SECONDS")
def test_one_that_computes_without_end_is_lost_and_one_that_waits_for_the_cpu_is_not(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    used = [5.0]
    monkeypatch.setattr(lifeline, "doing_of", lambda _: Doing(is_busy=True, cpu_s=used[0]))
    pulse = Pulse(pipe[0], 0.0)
    os.write(pipe[1], b".")
    now = _looks(pulse, 0.0, SILENCE + 1)
    assert not pulse.is_lost(1)
    now = _looks(pulse, now, SILENCE + 1 + WORKER_SPIN_SECONDS)
    used[0] += WORKER_SPIN_SECONDS - 0.1
    assert not pulse.is_lost(1)
    used[0] += 0.2
    assert pulse.is_lost(1)
    os.write(pipe[1], b".")
    pulse.feel(now + 0.1)
    assert not pulse.is_lost(1)


def test_one_that_starts_is_given_time(pipe: tuple[int, int]) -> None:
    pulse = Pulse(pipe[0], 0.0)
    _looks(pulse, 0.0, SILENCE + 2)
    assert not pulse.has_beaten
    assert not pulse.is_lost(os.getpid())


def test_time_in_which_the_supervisor_stood_still_is_nobodys_silence(
    pipe: tuple[int, int],
) -> None:
    """A laptop that slept, a process group that was stopped: all were silent, none is to blame."""
    pulse = Pulse(pipe[0], 0.0)
    os.write(pipe[1], b".")
    now = _looks(pulse, 0.0, SILENCE - 1)
    pulse.feel(now + 3600)
    assert pulse.silence_s == 0.0
    assert not pulse.is_lost(os.getpid())


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux'")
def test_a_stopped_process_is_not_busy() -> None:
    code = "print(flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            before = doing_of(process.pid)
            assert before.is_busy
            time.sleep(0.3)
            assert doing_of(process.pid).cpu_s > before.cpu_s
            process.send_signal(signal.SIGSTOP)
            os.waitpid(process.pid, os.WUNTRACED)
            assert not doing_of(process.pid).is_busy
        finally:
            process.kill()


@pytest.mark.reaches("WORKER_BEAT_SECONDS")
@trio_test
async def test_a_worker_beats_and_ends_when_nobody_listens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    theirs, ours = os.pipe()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Lifeline(ours, os.getppid()).keep_beating)
        await trio.sleep(2.5 * WORKER_BEAT_SECONDS)
        assert os.read(theirs, 10) == b"..."
        os.close(theirs)
        await trio.sleep(WORKER_BEAT_SECONDS)
    os.close(ours)
    assert sent == [(os.getpid(), signal.SIGTERM)]


def test_a_worker_whose_parent_is_gone_already_ends(
    monkeypatch: pytest.MonkeyPatch, pipe: tuple[int, int]
) -> None:
    """It died between the fork and the death signal: the kernel would never tell (prctl(2))."""
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    monkeypatch.setattr(ctypes, "CDLL", lambda _: (_ for _ in ()).throw(OSError))
    Lifeline(pipe[1], os.getppid()).tie()
    assert sent == []
    Lifeline(pipe[1], 0).tie()
    assert sent == [(os.getpid(), signal.SIGTERM)]
