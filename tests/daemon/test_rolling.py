"""Workers are made anew one after the other, and the next one only when all serve."""

from __future__ import annotations

import os
import signal

import pytest

from resolver.daemon.rolling import Rolling

LEAVE_S = 5.0
PIDS = {0: 100, 1: 101, 2: 102}
Sent = list[tuple[int, int]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Process ids and signals."""
    found: Sent = []
    monkeypatch.setattr(os, "kill", lambda pid, number: found.append((pid, number)))
    return found


def test_each_is_told_once_the_successor_of_the_one_before_serves(sent: Sent) -> None:
    """The first worker, which has the door, comes last."""
    rolling = Rolling(LEAVE_S)
    rolling.turn(PIDS, 0.0, are_all_well=True)
    assert sent == []
    rolling.begin(3)
    pids = dict(PIDS)
    order: list[int] = []
    for _ in PIDS:
        assert rolling.is_on
        rolling.turn(pids, 0.0, are_all_well=True)
        pid, number = sent.pop()
        assert number == signal.SIGTERM
        worker = next(each for each in pids if pids[each] == pid)
        order.append(worker)
        rolling.turn(pids, LEAVE_S - 1, are_all_well=True)  # it has its time
        assert not rolling.has_ended(pid + 1000, 0)
        assert rolling.has_ended(pid, 0)
        pids[worker] = pid + 10
        rolling.turn(pids, LEAVE_S - 1, are_all_well=False)  # its successor starts
        assert sent == []
    assert order == [1, 2, 0]
    rolling.turn(pids, LEAVE_S, are_all_well=True)
    assert sent == []
    assert not rolling.is_on


def test_who_does_not_end_is_killed(sent: Sent) -> None:
    rolling = Rolling(LEAVE_S)
    rolling.begin(3)
    rolling.turn(PIDS, 0.0, are_all_well=True)
    rolling.turn(PIDS, LEAVE_S, are_all_well=True)
    assert sent == [(101, signal.SIGTERM), (101, signal.SIGKILL)]
    assert rolling.has_ended(101, -signal.SIGKILL)


def test_nobody_is_told_while_another_one_is_missing(sent: Sent) -> None:
    """A successor that cannot start leaves all the others where they are."""
    rolling = Rolling(LEAVE_S)
    rolling.begin(3)
    rolling.turn(PIDS, 0.0, are_all_well=False)
    assert sent == []
    assert rolling.is_on
