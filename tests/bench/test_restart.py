"""The bench of restarts: the daemon reads its store, and its judge sees what is wrong."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import dns.edns
import dns.message
import pytest
import trio

from bench.restart import big_store, first
from bench.restart.kills import Tally, is_stale
from resolver.config import load
from resolver.daemon import run
from resolver.model import Question
from resolver.protocol.codes import Rcode, RRType
from resolver.recurse.from_disk import recall_from_disk
from resolver.runtime.clock import SystemClock

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.daemon.run import Daemon
    from resolver.model import Link


async def recalled(daemon: Daemon, number: int) -> Link | None:
    memory, now = daemon.parts.memory, daemon.parts.clock.now()
    asked = Question(big_store.name_of(number), RRType.A)
    return memory.recall(asked, now) or await recall_from_disk(memory, asked, now)


def test_the_daemon_reads_what_was_made_as_its_own(tmp_path: Path) -> None:
    config_file = first.configure(tmp_path)
    big_store.make(config_file, 200)

    async def story() -> None:
        async with run.running(
            load.load(config_file), clock=SystemClock(), rng=Random(1), listens=False, persists=True
        ) as daemon:
            address = await recalled(daemon, 100)
            assert address is not None
            assert big_store.address_of(100) in address.answer[0].rdatas
            denial = await recalled(daemon, 85)
            assert denial is not None
            assert denial.rcode == Rcode.NXDOMAIN
            assert await recalled(daemon, 200) is None

    trio.run(story)  # a thread reads the disk: in real time


@pytest.mark.parametrize(("code", "expected"), [(3, True), (19, True), (22, False)])
def test_what_says_that_it_is_over_is_stale(code: int, *, expected: bool) -> None:
    message = dns.message.make_response(dns.message.make_query("a.", "A", use_edns=0))
    option = dns.edns.EDEOption(dns.edns.EDECode(code), "text")
    message.use_edns(0, options=[option])
    assert is_stale(message.to_wire()) is expected


def test_the_share_is_that_of_what_was_asked() -> None:
    assert Tally().share == 0
    assert Tally(old=4, fresh=3).share == 0.75
