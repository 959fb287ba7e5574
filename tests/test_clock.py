"""A machine that boots in 1970 finds its time server; a clock that was set is believed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from resolver import app
from resolver.clock import SystemClock
from resolver.config.schema import Config
from resolver.lab import virtual_time, world
from resolver.model import Answer, Question, Status
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, Rcode, RRType

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_785_000_000.0  # when the world was signed; its signatures begin days before
DAY = 86_400
FLOOR = NOW - 200 * DAY  # released, or last run, long before


def ask(directory: Path, *, floor: float = FLOOR, name: str = "www.signed.org.") -> Answer:
    """One question, in a world signed at NOW, to a resolver whose clock has *floor*."""

    async def run() -> Answer:
        simulated = world.demo_world(wall=NOW)
        async with app.running(
            simulated.configure(Config(), directory),
            network=simulated.network(),
            clock=SystemClock(wall_floor=floor),
            rng=virtual_time.seeded("clock"),
            listens=False,
        ) as daemon:
            question = Question(names.from_text(name), RRType.A)
            return await daemon.parts.pipeline.answer(question)

    return virtual_time.run(run)


@pytest.fixture
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute after booting in 1970."""
    monkeypatch.setattr(time, "time", lambda: 60.0)


@pytest.mark.usefixtures("_unset")
def test_a_clock_that_nobody_set_lets_signatures_have_begun(tmp_path: Path) -> None:
    """Still secure: keys and signatures are checked; only "not yet valid" is not believed."""
    answer = ask(tmp_path)
    assert (answer.rcode, answer.status) == (Rcode.NOERROR, Status.SECURE)


@pytest.mark.usefixtures("_unset")
def test_what_expired_before_the_floor_has_expired(tmp_path: Path) -> None:
    answer = ask(tmp_path, floor=NOW + 200 * DAY)
    assert answer.rcode == Rcode.SERVFAIL
    assert EdeCode.SIGNATURE_EXPIRED in {ede.code for ede in answer.ede}


@pytest.mark.usefixtures("_unset")
def test_the_bogus_stays_bogus_whatever_the_clock(tmp_path: Path) -> None:
    assert ask(tmp_path, name="www.bogus.org.").rcode == Rcode.SERVFAIL


def test_a_clock_that_is_set_is_believed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(time, "time", lambda: FLOOR + 3600)
    answer = ask(tmp_path)
    assert answer.rcode == Rcode.SERVFAIL
    assert EdeCode.SIGNATURE_NOT_YET_VALID in {ede.code for ede in answer.ede}
