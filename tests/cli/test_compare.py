"""Comparing resolvers: what counts, what is drawn, and that nobody is flooded."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any, cast

import pytest
import trio

from resolver.cli import bench, bench_report, bench_run
from resolver.cli.bench_names import Believing, contestants
from resolver.cli.compare import Asker, Contestant, Sample, fresh, one_pass, quantile
from resolver.cli.main import main
from resolver.errors import ConfigError
from resolver.lab import demo
from resolver.lab.faults import Path as LinkFault
from resolver.limits import (
    BENCH_IN_FLIGHT,
    BENCH_PAUSE_SECONDS,
    BENCH_SECONDS,
    BENCH_START_TRIES,
    BENCH_TRIES,
)
from resolver.model import Question, Server
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.transport import Transport
from tests.support import trio_test

if TYPE_CHECKING:
    from pathlib import Path

WWW = Question(names.from_text("www.example.com."), RRType.A)
NS1 = Server("192.0.2.53")
NOBODY = Server("192.0.2.254")


def _nothing() -> None:
    pass


@trio_test
async def test_an_answer_is_timed_and_silence_is_a_failure() -> None:
    asker = Asker(demo.demo_world(wall=1.785e9).network(), Random(1))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(asker.run)
        answered = await asker.ask(NS1, WWW)
        silent = await asker.ask(NOBODY, WWW)
        nursery.cancel_scope.cancel()
    assert (answered.outcome, answered.is_good) == ("NOERROR", True)
    assert answered.elapsed_s is not None
    assert silent.elapsed_s is None
    assert silent.outcome in ("timeout", "unreachable")


@trio_test
async def test_names_are_asked_at_the_pace_that_was_set() -> None:
    network = demo.demo_world(wall=1.785e9).network()
    asker, contestant = Asker(network, Random(1)), Contestant("ns1", NS1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(asker.run)
        await bench_run.reach(asker, contestant)
        began = trio.current_time()
        await one_pass(asker, contestant, "cold", [WWW] * 11, rate=10.0, progress=_nothing)
        took = trio.current_time() - began
        nursery.cancel_scope.cancel()
    assert contestant.is_reachable
    assert len(contestant.passes["cold"]) == 11
    assert 1.0 <= took < 1.2


@trio_test
async def test_who_never_answers_is_unreachable() -> None:
    asker = Asker(demo.demo_world(wall=1.785e9).network(), Random(1))
    contestant = Contestant("nobody", NOBODY)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(asker.run)
        await bench_run.reach(asker, contestant)
        nursery.cancel_scope.cancel()
    assert contestant.is_reachable is False
    assert "unreachable" in bench_report.table([contestant])


class Absent(Asker):
    """Nobody is there; *at* has the times of the questions."""

    def __init__(self) -> None:
        super().__init__(demo.demo_world(wall=1.785e9).network(), Random(1))
        self.at: list[float] = []

    async def ask(self, server: Server, question: Question) -> Sample:
        assert server == NOBODY
        self.at.append(trio.current_time())
        await trio.lowlevel.checkpoint()
        return Sample(question, "unreachable", None, is_good=False)


@pytest.mark.reaches("BENCH_TRIES", "BENCH_START_TRIES", "BENCH_PAUSE_SECONDS")
@pytest.mark.parametrize(
    ("name", "tries"), [("other", BENCH_TRIES), (bench_run.OWN, BENCH_START_TRIES)]
)
@trio_test
async def test_our_own_process_has_time_to_start(name: str, tries: int) -> None:
    asker, contestant = Absent(), Contestant(name, NOBODY)
    await bench_run.reach(asker, contestant)
    assert contestant.is_reachable is False
    assert len(asker.at) == tries
    gaps = [later - before for before, later in pairwise(asker.at)]
    assert gaps == pytest.approx((tries - 1) * [BENCH_PAUSE_SECONDS])


def test_fresh_names_are_all_different_and_below_the_zone() -> None:
    zone = names.from_text("wild.example.com.")
    made = fresh(zone, 50, Random(1))
    assert len(set(made)) == 50
    assert all(names.parent(name) == zone for name in made)


def test_a_quantile_is_a_value_that_was_measured() -> None:
    assert quantile([1.0, 2.0, 3.0, 4.0], 0.5) == 3.0
    assert quantile([1.0], 0.99) == 1.0


def _contestant(*times_s: float | None) -> Contestant:
    samples = [
        Sample(WWW, "timeout" if time is None else "NOERROR", time, is_good=time is not None)
        for time in times_s
    ]
    return Contestant("one", NS1, is_reachable=True, passes={"cold": samples})


def test_figures_are_those_of_good_answers() -> None:
    found = bench_report.figures(_contestant(0.010, 0.030, None).passes["cold"])
    assert (found["asked"], found["good"]) == (3, 2)
    assert math.isclose(found["mean_ms"], 20.0)
    assert found["outcomes"] == {"NOERROR": 2, "timeout": 1}


def test_a_table_a_plot_and_json_come_of_any_samples() -> None:
    for contestant in (_contestant(0.0001, 9.0, None), _contestant(None), _contestant()):
        assert "one 192.0.2.53" in bench_report.table([contestant])
        bench_report.plot([contestant])
        json.dumps(bench_report.document([contestant], definition="x"))
    assert "█" in bench_report.plot([_contestant(0.01)])


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="an extra: pip install 'resolver[cli]'")
    path = tmp_path / "plot.png"
    bench_report.png([_contestant(0.010, 0.030)], path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_server_has_a_name_an_address_and_a_port() -> None:
    (made,) = contestants("home=[::1]:5300", Believing())
    assert (made.name, made.server.host, made.server.port) == ("home", "::1", 5300)
    assert contestants("192.0.2.1", Believing())[0].server.port == 53
    with pytest.raises(ConfigError, match="--server"):
        contestants("home=here", Believing())


def test_a_server_may_be_an_url_as_forwarders_have_it() -> None:
    (made,) = contestants("home=tls://192.0.2.1:8853#dns.example", Believing())
    assert (made.name, made.label) == ("home", "home (tls)")
    assert made.server == Server("192.0.2.1", 8853, b"\0", Transport.TLS, "dns.example")
    assert made.terms is not None
    assert (made.terms.name, made.terms.is_strict) == ("dns.example", True)
    both = contestants("https://dns.example/q;a=b@192.0.2.1,192.0.2.2", Believing())
    assert [one.name for one in both] == ["server", "server"]
    assert {one.terms.path for one in both if one.terms is not None} == {"/q;a=b"}
    (made,) = contestants("quic://192.0.2.1", Believing(is_proven=False))
    assert made.terms is not None
    assert not made.terms.is_strict
    for text, said in [
        ("tls://dns.example", "the name behind a #"),
        ("ftp://192.0.2.1", "tls://9.9.9.9#dns.quad9.net"),
    ]:
        with pytest.raises(ConfigError, match=said):
            contestants(text, Believing())


def test_a_list_of_names_has_types_and_comments(tmp_path: Path) -> None:
    path = tmp_path / "names"
    path.write_text("# popular\nexample.com\n\nexample.com AAAA # v6\n")
    assert [question.qtype for question in bench.read_names(str(path))] == [1, 28]


@pytest.mark.reaches("BENCH_RATE", "BENCH_NAMES")
@pytest.mark.parametrize("more", [("--rate", "1000"), ("--count", "100000")])
def test_nobody_is_flooded(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, more: tuple[str, str]
) -> None:
    path = tmp_path / "names"
    path.write_text("localhost\n")
    assert main(["bench", "--names", str(path), *more]) == 2
    assert "courtesy" in capsys.readouterr().err


def test_this_resolver_is_compared_as_a_process_of_its_own(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """On loopback, with a name that needs no network."""
    path, config = tmp_path / "names", tmp_path / "resolver.toml"
    path.write_text("localhost\n")
    config.write_text("[root]\nprime = false\n")
    arguments = ["--config", str(config), "--names", str(path), "--json", "-"]
    status = main(["bench", "--no-public", *arguments])
    out = capsys.readouterr().out
    document: dict[str, Any] = json.loads(out[out.index("\n{") :])
    assert status == 0
    (mine,) = document["resolvers"]
    assert mine["passes"]["cold"]["outcomes"] == {"NOERROR": 1}


class Silent:
    """An asker that never hears anything, and counts how many wait at once."""

    def __init__(self) -> None:
        self.waiting = self.most = 0

    async def ask(self, _: Server, question: Question) -> Sample:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        await trio.sleep(BENCH_SECONDS)
        self.waiting -= 1
        return Sample(question, "timeout", None, is_good=False)


@pytest.mark.reaches("BENCH_IN_FLIGHT")
@trio_test
async def test_few_queries_wait_for_a_server_that_is_silent() -> None:
    asker, contestant = Silent(), Contestant("one", NS1)
    await one_pass(
        cast("Asker", asker), contestant, "cold", [WWW] * 40, rate=50.0, progress=_nothing
    )
    assert len(contestant.passes["cold"]) == 40
    assert asker.most == BENCH_IN_FLIGHT


@pytest.mark.reaches("BENCH_SECONDS")
@trio_test
async def test_an_answer_is_waited_for_as_long_as_a_stub_would() -> None:
    network = demo.demo_world(wall=1.785e9).network()
    network.faults.set(NS1.host, LinkFault(dead=True))
    asker = Asker(network, Random(1))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(asker.run)
        began = trio.current_time()
        sample = await asker.ask(NS1, WWW)
        assert trio.current_time() - began == pytest.approx(BENCH_SECONDS)
        nursery.cancel_scope.cancel()
    assert (sample.outcome, sample.elapsed_s) == ("timeout", None)
