"""Servers that close a connection after few answers answer all that they are asked."""

from __future__ import annotations

import pytest
import trio

from resolver.limits import SESSION_SPAN_SECONDS
from tests.support import trio_test
from tests.upstream.test_session_pool import Rig, rig


async def _close_after(one: Rig, answers: int, asked: int) -> None:
    """Have the server end each session with its *answers*, until *asked* were heard."""
    for _ in range(10 * asked):
        await trio.sleep(0.05)
        for session in one.sessions:
            if not session.is_open:
                continue
            for _ in range(min(answers, session.waiting)):
                session.reply()
            if session.has_served:
                session._ended.set()
        if len(one.heard) >= asked:
            return


@trio_test
@pytest.mark.rfc("RFC 7766 §6.2.4")
@pytest.mark.reaches("SESSION_REPEATS")
@pytest.mark.parametrize("answers", [1, 2])
async def test_a_server_that_closes_after_few_answers_answers_all(answers: int) -> None:
    """Though all were put on one session, and no longer than one after the other takes."""
    async with rig() as one:
        for at in range(40):
            one.ask(b"%d" % at)
        await _close_after(one, answers, 40)
        failed = [each for each in one.heard.values() if isinstance(each, OSError)]
        assert (len(one.heard), failed) == (40, [])
        assert len(one.sessions) <= 2 + 40 / answers


@trio_test
@pytest.mark.reaches("SESSION_SPAN_SECONDS")
async def test_two_restarts_are_forgotten() -> None:
    async with rig() as one:
        for at in range(4):
            one.ask(b"%d" % at)
        await _close_after(one, 1, 4)
        began = len(one.sessions)
        for at in range(3):
            one.ask(b"few %d" % at)
        await trio.sleep(1)
        assert [len(each.ports) for each in one.sessions[began:]] == [1, 1, 1]
        for session in one.sessions[began:]:
            session.reply()
        assert not any(each.is_open for each in one.sessions), "they have carried what they may"
        await trio.sleep(SESSION_SPAN_SECONDS)
        for at in range(3):
            one.ask(b"many %d" % at)
        await trio.sleep(1)
        assert [len(each.ports) for each in one.sessions[began + 3 :]] == [3]


@trio_test
async def test_one_restart_changes_nothing() -> None:
    async with rig(keeps_warm=False) as one:
        for at in range(4):
            one.ask(b"%d" % at)
        await trio.sleep(1)
        one.sessions[0].reply()
        one.sessions[0]._ended.set()
        await trio.sleep(1)
        assert [len(each.ports) for each in one.sessions] == [0, 3]


@trio_test
async def test_who_says_goodbye_after_each_answer_answers_all() -> None:
    """As GOAWAY does: those that were not looked at are given back."""
    async with rig() as one:
        for at in range(20):
            one.ask(b"%d" % at)
        for _ in range(100):
            await trio.sleep(0.05)
            for session in [each for each in one.sessions if each.is_open and each.ports]:
                session.reply()
                session.is_open = False
                for port in session.orphans():
                    one.pool.returned(session, port)
                session._ended.set()
        failed = [each for each in one.heard.values() if isinstance(each, OSError)]
        assert (len(one.heard), failed) == (20, [])


@trio_test
async def test_a_server_that_closes_for_silence_is_asked_as_many_as_ever() -> None:
    """Two questions that met the end on their way say nothing of how many it takes."""
    async with rig(keeps_warm=False) as one:
        for at in range(3):
            one.ask(b"first %d" % at)
            await trio.sleep(1)
            one.sessions[-1].reply()
            one.ask(b"second %d" % at)
            one.sessions[-1]._ended.set()
            await trio.sleep(1)
            one.sessions[-1].reply()
            one.sessions[-1]._ended.set()
            await trio.sleep(1)
        began = len(one.sessions)
        for at in range(3):
            one.ask(b"%d" % at)
        await trio.sleep(1)
        assert [len(each.ports) for each in one.sessions[began:]] == [3]
