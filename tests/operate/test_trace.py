"""trace: the steps as they happen, then the answer and the chain of trust."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest
import trio

from resolver.limits import TRACE_STEPS
from resolver.operate import trace as tracing
from resolver.operate.trace import TRACE
from resolver.operate.verb import Refused
from tests.making import question
from tests.operate.operated import Desk, desk
from tests.recurse.household import slow_village, village
from tests.support import trio_test

WWW = question("www.example.net. A")


async def traced(it: Desk, **given: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    *steps, last = await it.items(TRACE, name="www.example.net", **given)
    return [item["step"] for item in steps], last


@trio_test
async def test_steps_come_first_and_the_answer_last() -> None:
    async with desk(village(is_signed=True)) as it:
        steps, last = await traced(it)
        assert steps[0]["zone"] == "."
        assert steps[0]["text"].startswith(". ")
        assert last["steps"] == len(steps) >= 3
        answer = last["answer"]
        assert (answer["status"], answer["security"]) == ("NOERROR", "secure")
        assert answer["answer"][0]["data"] == "192.0.2.80"
        assert {line["name"] for line in last["chain"]} >= {".", "net.", "www.example.net."}


@trio_test
async def test_live_it_goes_by_what_is_known_and_cold_it_does_not() -> None:
    async with desk(village(is_signed=True)) as it:
        await it.home.ask(WWW)
        steps, last = await traced(it)
        assert (steps, last["answer"]["sources"]) == ([], ["cache"])
        steps, last = await traced(it, cold=True)
        assert steps[0]["zone"] == "."
        assert last["answer"]["sources"] == ["network"]


@trio_test
async def test_a_failure_is_an_answer_too() -> None:
    async with desk(village()) as it:
        _, last = await traced(it, type="TXT")
        assert last["answer"]["status"] == "NOERROR"
        *_, last = await it.items(TRACE, name="here.example.net")
        assert last["answer"]["status"] == "SERVFAIL"
        assert last["answer"]["extended_errors"]


@pytest.mark.reaches("TRACE_STEPS")
@trio_test
async def test_beyond_so_many_steps_are_only_counted() -> None:
    assert TRACE_STEPS >= 100
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracing, "TRACE_STEPS", 2)
        async with desk(village()) as it:
            steps, last = await traced(it)
            assert len(steps) == 2
            assert last["steps"] >= 3


@trio_test
async def test_who_leaves_in_the_midst_harms_nothing() -> None:
    async with desk(slow_village()) as it:
        run: Any = TRACE.run(it.running, TRACE.arguments(name="www.example.net"))
        async with aclosing(run) as items:
            assert "step" in await anext(items)
        await trio.sleep(10)
        answer = await it.home.ask(WWW)
        assert answer.answer


@trio_test
async def test_what_is_no_question_is_refused() -> None:
    async with desk(village()) as it:
        with pytest.raises(Refused):
            await it.items(TRACE, name="www.example.net", type="IXFR")
