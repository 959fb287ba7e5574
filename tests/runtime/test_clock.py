"""A machine that boots in 1970 finds its time server; a clock that was set is believed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
import pytest
import trio

from resolver.config.schema import Config
from resolver.daemon import run as app
from resolver.dnssec.signature import instant_of
from resolver.lab import demo, virtual_time, world
from resolver.limits import CLOCK_FLOOR_SECONDS, SIGNATURE_SKEW_SECONDS
from resolver.model import Answer, Question, Status
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, Rcode, RRType
from resolver.runtime.clock import SystemClock, confirmed_time
from tests.recurse.household import village

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_785_000_000.0  # when the world was signed; its signatures begin days before
DAY = 86_400
AGED = "www.example.net."
FLOOR = NOW - 200 * DAY  # released, or last run, long before


def ask(
    directory: Path,
    *,
    floor: float = FLOOR,
    name: str = "www.signed.org.",
    is_vouched: bool = True,
    clock: SystemClock | None = None,
) -> Answer:
    """One question, in a world signed at NOW, to a resolver whose clock has *floor*."""
    clock = clock or SystemClock(
        wall_floor=floor, vouches=lambda _: is_vouched, tolerance_s=SIGNATURE_SKEW_SECONDS
    )

    async def run() -> Answer:
        simulated = aged_world() if name == AGED else demo.demo_world(wall=NOW)
        async with app.running(
            simulated.configure(Config(), directory),
            network=simulated.network(),
            clock=clock,
            rng=virtual_time.seeded("clock"),
            listens=False,
        ) as daemon:
            question = Question(names.from_text(name), RRType.A)
            return await daemon.parts.pipeline.answer(question)

    return virtual_time.run(run)


def aged_world() -> world.World:
    """example.net. was signed for the last time long ago: its signatures expired 13 days ago."""
    simulated = village()
    for apex, wall in (("example.net.", NOW - 20 * DAY), ("net.", NOW), (".", NOW)):
        simulated.sign(simulated.zones[names.from_text(apex)], wall=wall)
    return simulated


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


# --- a clock that nobody vouches for ------------------------------------------------------------

YEAR = 365 * DAY
BEGUN = NOW - 7 * DAY  # when the world's signatures begin


def unvouched(floor: float = FLOOR) -> SystemClock:
    """As after booting, before any time server was heard."""
    return SystemClock(
        wall_floor=floor, vouches=lambda _: False, tolerance_s=SIGNATURE_SKEW_SECONDS
    )


@pytest.mark.parametrize("off", [-20 * YEAR, -3 * YEAR, -10 * DAY, 3600, 10 * DAY, 3 * YEAR])
def test_a_clock_that_nobody_vouches_for_may_be_wrong_both_ways(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, off: float
) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW + off)
    clock = unvouched()
    assert ask(tmp_path, clock=clock).status is Status.SECURE
    assert ask(tmp_path, clock=clock, name="www.bogus.org.").rcode == Rcode.SERVFAIL


def test_a_board_that_restores_the_time_of_its_last_shutdown_validates(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It boots some seconds after its floor, which is weeks ago."""
    monkeypatch.setattr(time, "time", lambda: FLOOR + 3)
    answer = ask(tmp_path, clock=unvouched())
    assert (answer.rcode, answer.status) == (Rcode.NOERROR, Status.SECURE)


def test_where_the_anchors_signatures_agree_with_it_what_expired_has_expired(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A machine without a time server, but with the right time: most virtual ones."""
    monkeypatch.setattr(time, "time", lambda: NOW)
    answer = ask(tmp_path, clock=unvouched(), name=AGED)
    assert EdeCode.SIGNATURE_EXPIRED in {ede.code for ede in answer.ede}


def test_what_expired_before_the_anchors_signed_has_expired_on_any_clock(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW - 3 * YEAR)
    answer = ask(tmp_path, clock=unvouched(), name=AGED)
    assert EdeCode.SIGNATURE_EXPIRED in {ede.code for ede in answer.ede}


@pytest.mark.parametrize("off", [-10 * DAY, 0, 5 * YEAR])
def test_no_run_confirms_more_than_signatures_did(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, off: float
) -> None:
    """A run with a clock that is ahead must not make every later one refuse everything."""
    monkeypatch.setattr(time, "time", lambda: NOW + off)
    clock = unvouched()
    ask(tmp_path, clock=clock)
    assert confirmed_time(clock) == BEGUN


def test_a_run_in_which_nothing_validated_confirms_its_floor(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The kernel vouches for a clock that is years ahead: nothing resolves, but this run only."""
    monkeypatch.setattr(time, "time", lambda: NOW + 5 * YEAR)
    clock = SystemClock(wall_floor=FLOOR)
    assert ask(tmp_path, clock=clock).rcode == Rcode.SERVFAIL
    assert confirmed_time(clock) == FLOOR


@pytest.mark.parametrize("off", [-20 * YEAR, -3 * YEAR, 3 * YEAR])
@pytest.mark.parametrize("kind", ["vouched", "unvouched"])
def test_a_clock_that_looks_wrong_is_told_once_with_both_times(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    off: float,
) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW + off)
    clock = unvouched() if kind == "unvouched" else SystemClock(wall_floor=FLOOR)
    clock.compare_with_floor()
    for name in ("www.signed.org.", "www.hashed.org."):
        ask(tmp_path, clock=clock, name=name)
    told = [
        record.getMessage() for record in caplog.records if record.name == "resolver.runtime.clock"
    ]
    assert len(told) == 1
    says = time.strftime("%Y-%m-%d", time.gmtime(NOW + off))
    other = FLOOR if off < 0 else NOW + 7 * DAY
    assert says in told[0]
    assert time.strftime("%Y-%m-%d", time.gmtime(other)) in told[0]


def test_a_right_clock_is_not_suspected(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)
    for clock in (unvouched(), SystemClock(wall_floor=FLOOR)):
        clock.compare_with_floor()
        assert ask(tmp_path, clock=clock).status is Status.SECURE
    assert "looks wrong" not in caplog.text


def test_a_clock_that_jumps_while_it_runs_changes_nothing_that_matters(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A step takes the kernel's word back; what signatures said stays (and so do TTLs)."""
    monkeypatch.setattr(time, "time", lambda: NOW)
    clock = unvouched()
    assert ask(tmp_path, clock=clock).status is Status.SECURE
    for off in (3 * YEAR, -3 * YEAR, 80 * YEAR, -50 * YEAR, 0):
        monkeypatch.setattr(time, "time", lambda off=off: NOW + off)
        assert ask(tmp_path, clock=clock).status is Status.SECURE
        assert BEGUN <= clock.wall() <= NOW


def test_a_jump_is_told_without_waiting_for_the_next_key(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)
    clock = unvouched()
    clock.witness(BEGUN, NOW + 7 * DAY)
    assert clock.reading() == (NOW, False)
    monkeypatch.setattr(time, "time", lambda: NOW + YEAR)
    assert clock.reading() == (BEGUN, False)
    assert "looks wrong" in caplog.text


@pytest.mark.parametrize("stamp_at", [1.7e9, 2**31 + 5.0, 2**32 + 5.0])
def test_signature_times_are_of_the_era_that_is_nearest(stamp_at: float) -> None:
    """They count modulo 2**32 (RFC 4034 §3.1.5): 2038 and 2106 are no ends."""
    assert instant_of(int(stamp_at) % 2**32, stamp_at - YEAR) == int(stamp_at)


@pytest.mark.reaches("CLOCK_FLOOR_SECONDS")
@pytest.mark.parametrize("short_by", [0, 1])
def test_what_signatures_confirm_is_written_down_once_a_day(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, short_by: int
) -> None:
    """Power may fail before the end of the run, a flash card wears."""
    monkeypatch.setattr(time, "time", lambda: NOW)
    clock = unvouched(BEGUN - CLOCK_FLOOR_SECONDS + short_by)

    async def run() -> None:
        simulated = demo.demo_world(wall=NOW)
        config = msgspec.structs.replace(Config(), working_directory=str(tmp_path))
        async with app.running(
            simulated.configure(config, tmp_path),
            network=simulated.network(),
            clock=clock,
            rng=virtual_time.seeded("clock"),
            listens=False,
        ) as daemon:
            question = Question(names.from_text("www.signed.org."), RRType.A)
            await daemon.parts.pipeline.answer(question)
            await trio.sleep(61)

    virtual_time.run(run)
    assert (tmp_path / "last-run").exists() is (short_by == 0)
