"""Another instance of a server is noticed, told once, and shown as text that does nothing."""

from __future__ import annotations

import logging
import math
import random
from typing import TYPE_CHECKING

import msgspec
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from resolver import limits
from resolver.daemon.keepsakes import servers_untrusted
from resolver.errors import WireError
from resolver.lab.faults import Path
from resolver.model import Server
from resolver.protocol.edns import OPT_NSID, Edns, nsid_option
from resolver.upstream import cut_asking
from resolver.upstream.infra import Infra
from resolver.upstream.instance import Instance, Instances, KeptInstance, text_of
from resolver.upstream.instance_watch import InstanceWatch
from tests.support import set_limit, trio_test
from tests.upstream.virtual_servers import Script, World, answer

if TYPE_CHECKING:
    from resolver.upstream.server_events import InstanceChanged

HOST, OTHER, THIRD = "198.51.100.1", "198.51.101.1", "198.51.102.1"


class Anycast(Script):
    """A server that says which instance it is, if it is asked."""

    def __init__(self, instance: bytes) -> None:
        super().__init__(self._tell)
        self.instance = instance
        self.asked: list[int] = []

    def _tell(self, query, _):  # type: ignore[no-untyped-def]
        options: tuple[tuple[int, bytes], ...] = ()
        if query.edns is not None and query.edns.option(OPT_NSID) is not None:
            self.asked.append(self.count)
            options = (nsid_option(self.instance),)
        return answer(query, edns=Edns(options=options))


def moved(world: World, script: Anycast, instance: bytes, rtt_s: float) -> None:
    """Routes lead to another instance from now on."""
    script.instance = instance
    world.faults.set(HOST, Path(delay_s=rtt_s / 2))


def heard(world: World) -> list[InstanceChanged]:
    found: list[InstanceChanged] = []
    world.dispatcher.shared.instance_news.listeners.append(found.append)
    return found


@pytest.mark.reaches("RTT_JUMP_FACTOR")
@pytest.mark.parametrize("rtt_s", [0.1, 0.006])
@trio_test
async def test_an_instance_that_moved_is_noticed_by_the_third_answer_after_a_jump(
    rtt_s: float,
) -> None:
    world, script = World(), Anycast(b"nnn1-fra5")
    world.serve(HOST, script)
    changes = heard(world)

    async def story() -> None:
        for _ in range(12):
            await world.ask(HOST)
        moved(world, script, b"nnn1-sin5", rtt_s)
        for _ in range(3):
            assert changes == []
            await world.ask(HOST)

    await world.run(story)
    (change,) = changes
    assert (change.before, change.after) == ("nnn1-fra5", "nnn1-sin5")
    assert change.server.host == HOST
    assert change.rtt_s == pytest.approx(rtt_s)
    assert change.rtt_before_s == pytest.approx(0.02)
    assert world.dispatcher.counters.instance_changes == 1
    instances = world.infra.state(Server(HOST)).watch.instances
    assert instances is not None
    assert [one.text for one in (instances.current, *instances.earlier)] == [
        "nnn1-sin5", "nnn1-fra5",
    ]  # fmt: skip


@pytest.mark.reaches("NSID_QUERIES")
@trio_test
async def test_an_instance_as_far_away_is_noticed_within_as_many_queries() -> None:
    world, script = World(), Anycast(b"one")
    world.serve(HOST, script)
    changes = heard(world)

    async def story() -> None:
        world.whole.queries = 1000
        for _ in range(3):
            await world.ask(HOST)
        moved(world, script, b"two", 0.02)
        for _ in range(limits.NSID_QUERIES):
            await world.ask(HOST)
        assert len(changes) == 1
        for _ in range(2 * limits.NSID_QUERIES):
            await world.ask(HOST)

    await world.run(story)
    assert len(script.asked) == 4  # once in so many, no more
    assert [(one.before, one.after) for one in changes] == [("one", "two")]


@pytest.mark.reaches("NSID_SECONDS")
def test_a_server_that_is_seldom_asked_is_asked_after_an_hour() -> None:
    watch = InstanceWatch()
    assert watch.takes_nsid(0.0)
    watch.note(b"one", 0.02, 0.0)
    assert not watch.takes_nsid(limits.NSID_SECONDS - 1)
    assert watch.takes_nsid(limits.NSID_SECONDS)


@pytest.mark.reaches("NSID_SILENCES")
def test_who_does_not_reply_to_such_queries_is_asked_so_no_more() -> None:
    watch = InstanceWatch()
    asked = [watch.takes_nsid(at * limits.NSID_SECONDS) for at in range(10)]
    assert asked == [True] * limits.NSID_SILENCES + [False] * (10 - limits.NSID_SILENCES)


def jumps(rtt_s: float, usual_s: float) -> bool:
    """Is it asked at once after two answers within *rtt_s*?"""
    watch = InstanceWatch()
    watch.takes_nsid(0.0)
    for _ in range(2):
        watch.note_jump(rtt_s, usual_s)
    return watch.takes_nsid(1.0)


@pytest.mark.reaches("RTT_JUMP_SECONDS")
def test_jitter_on_ones_own_network_is_no_jump() -> None:
    usual_s = 0.0004
    assert not jumps(usual_s + 0.95 * limits.RTT_JUMP_SECONDS, usual_s)
    assert jumps(usual_s + 1.05 * limits.RTT_JUMP_SECONDS, usual_s)


@pytest.mark.reaches("RTT_JUMP_FACTOR")
def test_a_jump_is_by_two_thirds_up_or_by_as_much_down() -> None:
    factor = limits.RTT_JUMP_FACTOR
    assert [jumps(0.1 * part, 0.1) for part in (0.98 * factor, 1.02 * factor)] == [False, True]
    assert [jumps(0.1 / part, 0.1) for part in (0.98 * factor, 1.02 * factor)] == [False, True]


def test_one_late_reply_is_no_jump() -> None:
    watch = InstanceWatch()
    watch.takes_nsid(0.0)
    for rtt_s in (0.3, 0.02, 0.3, 0.005):
        watch.note_jump(rtt_s, 0.02)
    assert not watch.takes_nsid(1.0)


def test_a_move_by_two_thirds_is_a_jump_though_the_first_answer_is_in_the_average() -> None:
    infra, watch_of = Infra(rng=random.Random(1)), Server(HOST)
    state = infra.state(watch_of)
    state.watch.takes_nsid(0.0)
    for at, rtt_s in enumerate([0.01] * 9 + [0.0175] * 2):
        infra.note_answer(state, rtt_s, float(at))
    assert state.watch.takes_nsid(20.0)
    assert state.watch.least_s == 0.0175  # what was near has gone


@pytest.mark.reaches("SIBLING_PROBES")
@trio_test
async def test_the_others_of_the_zone_are_measured_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """F moved from Frankfurt to Singapore: K, which was second, may be nearer now."""
    world, script = World(), Anycast(b"fra")
    world.serve(HOST, script)
    others = [world.serve(host, rtt_s=0.05) for host in (OTHER, THIRD)]
    hosts = HOST, OTHER, THIRD

    async def probed(instance: bytes) -> int:
        """How many of the others are asked once another instance has answered."""
        before = sum(one.count for one in others)
        world.infra.state(Server(HOST)).watch.nsid_in = 0
        script.instance = instance
        await world.ask(*hosts)
        await trio.sleep(0.1)
        return sum(one.count for one in others) - before

    async def story() -> None:
        for _ in range(60):
            await world.ask(*hosts)
        world.whole.queries = 1000
        assert all(one.count for one in others)
        assert await probed(b"sin") == 2
        set_limit(monkeypatch, cut_asking, "SIBLING_PROBES", 2)  # the one itself among them
        for _ in range(60):
            await world.ask(*hosts)
        assert await probed(b"fra") == 1

    await world.run(story)


@pytest.mark.reaches("UNSTABLE_SECONDS", "EARLIER_INSTANCES")
def test_two_that_take_turns_are_unstable_and_few_are_kept() -> None:
    instances = Instances(Instance(b"a", 0.0, 0.0, 0.01))
    assert instances.note(b"b", 0.01, 100.0) is not None
    assert not instances.is_unstable(100.0)
    instances.note(b"a", 0.02, 200.0)
    assert instances.is_unstable(200.0)
    assert not instances.is_unstable(200.0 + limits.UNSTABLE_SECONDS)
    assert instances.current.least_s == 0.01  # it was seen nearer before
    for at, name in enumerate(b"cdefghi"):
        instances.note(bytes([name]), 0.01, 1000.0 + at)
    assert len(instances.earlier) == limits.EARLIER_INSTANCES
    instances.note(b"b", 0.01, 1e6)
    assert not instances.is_unstable(1e6)


@pytest.mark.reaches("UNSTABLE_SECONDS")
def test_one_that_comes_back_later_than_in_an_hour_makes_nothing_unstable() -> None:
    for share, is_unstable in ((0.9, True), (1.1, False)):
        instances = Instances(Instance(b"a", 0.0, 0.0, 0.01))
        instances.note(b"b", 0.01, 10.0)
        instances.note(b"a", 0.01, share * limits.UNSTABLE_SECONDS)
        assert instances.is_unstable(share * limits.UNSTABLE_SECONDS) is is_unstable
        assert instances.is_unstable(1.8 * limits.UNSTABLE_SECONDS) is is_unstable


@trio_test
async def test_of_two_as_near_the_one_whose_instances_take_turns_is_passed_over() -> None:
    """Until an hour after they did; a nearer one is asked all the same."""
    world, script = World(), Anycast(b"a")
    world.serve(HOST, script, rtt_s=0.02)
    for host, rtt_s in ((OTHER, 0.021), (THIRD, 0.1)):
        world.serve(host, rtt_s=rtt_s)

    async def nearest(*hosts: str) -> str:
        await world.ask(*hosts)
        return (await world.ask(*hosts)).server.host

    async def story() -> None:
        world.whole.queries = 10_000
        for _ in range(60):
            await world.ask(HOST, OTHER, THIRD)
        assert await nearest(HOST, OTHER, THIRD) == HOST
        for name in b"abab":
            script.instance = bytes([name])
            world.infra.state(Server(HOST)).watch.nsid_in = 0
            await world.ask(HOST)
        assert await nearest(HOST, OTHER, THIRD) == OTHER
        assert await nearest(HOST, THIRD) == HOST
        assert world.infra.state(Server(HOST)).marks
        await trio.sleep(limits.UNSTABLE_SECONDS)
        world.whole.deadline = trio.current_time() + 10
        assert await nearest(HOST, OTHER, THIRD) == HOST
        assert not world.infra.state(Server(HOST)).marks

    await world.run(story)


@trio_test
async def test_turns_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    world, script = World(), Anycast(b"a")
    world.serve(HOST, script)
    caplog.set_level(logging.INFO)

    async def story() -> None:
        for name in b"aabababab":
            script.instance = bytes([name])
            world.infra.state(Server(HOST)).watch.nsid_in = 0
            await world.ask(HOST)

    await world.run(story)
    lines = [one.getMessage() for one in caplog.records if "instance" in one.getMessage()]
    assert len(lines) == 2
    assert lines[0].startswith(f"another instance answers at {HOST} (ns0.example.net.): b in 20.0")
    assert lines[1] == f"instances take turns at {HOST} (ns0.example.net.): b and a"


@pytest.mark.reaches("NSID_OCTETS")
@trio_test
async def test_what_a_server_says_is_inert_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    world, script = World(), Anycast(b"\x1b]0;owned\x07\r\n2026 fake line")
    world.serve(HOST, script)
    caplog.set_level(logging.INFO)

    async def story() -> None:
        await world.ask(HOST)
        await world.ask(HOST)
        world.infra.state(Server(HOST)).watch.nsid_in = 0
        script.instance = "\u202egnp.exe".encode() * 40
        await world.ask(HOST)

    await world.run(story)
    (line,) = [one.getMessage() for one in caplog.records if "instance" in one.getMessage()]
    assert line.isprintable()
    assert line.isascii()
    instances = world.infra.state(Server(HOST)).watch.instances
    assert instances is not None
    assert len(instances.current.octets) == limits.NSID_OCTETS


@given(st.binary(max_size=200))
def test_an_instance_is_shown_as_printable_ascii(octets: bytes) -> None:
    text = text_of(octets)
    assert text.isascii()
    assert text.isprintable()
    assert text in (octets.decode("latin-1"), "0x" + octets.hex())


@trio_test
async def test_a_reply_that_nobody_waits_for_tells_too() -> None:
    """A probe's reply comes when its question is answered: else who is second is never known."""
    world, script = World(), Anycast(b"second")
    world.serve(OTHER)
    world.serve(HOST, script, rtt_s=0.05)
    changes = heard(world)

    async def story() -> None:
        for name in (b"second", b"third"):
            script.instance = name
            for _ in range(10):
                world.infra.state(Server(HOST)).probed_at = -math.inf
                world.infra.state(Server(HOST)).watch.nsid_in = 0
                world.infra.state(Server(HOST)).t_ok = -math.inf
                await world.ask(OTHER, HOST)
                await trio.sleep(0.2)

    await world.run(story)
    assert world.infra.state(Server(HOST)).srtt == pytest.approx(0.05)
    assert [one.after for one in changes] == ["third"]


@trio_test
async def test_a_reply_that_was_not_asked_is_not_believed() -> None:
    """Some servers say NSID unasked; then it is not known which of two queries it belongs to."""
    world = World(nsid=False)
    world.serve(HOST, Script(lambda query, _: answer(query, edns=Edns(options=((3, b"x"),)))))

    async def story() -> None:
        for _ in range(3):
            await world.ask(HOST)

    await world.run(story)
    assert world.infra.state(Server(HOST)).watch.instances is None


def test_instances_outlive_a_restart() -> None:
    infra = Infra(rng=random.Random(1))
    state = infra.state(Server(HOST))
    infra.note_answer(state, 0.014, 100.0)
    state.watch.note(b"fra\xff", 0.014, 100.0)
    state.watch.note(b"sin", 0.18, 500.0)
    kept = servers_untrusted(msgspec.json.encode(infra.snapshot(600.0)))
    later = Infra(rng=random.Random(2))
    later.restore(kept, away_s=3600.0, now=50.0)
    instances = later.state(Server(HOST)).watch.instances
    assert instances is not None
    assert instances.current.text == "sin"
    assert instances.current.since == 50.0 - 3600.0 - 100.0
    assert [one.octets for one in instances.earlier] == [b"fra\xff"]
    before = later.state(Server(HOST)).watch.note(b"fra\xff", 0.014, 60.0)
    assert before is not None  # noticed at the first answer of the new run
    assert before.text == "sin"


def test_a_note_of_an_earlier_version_has_none() -> None:
    old = b'[["192.0.2.1",53,"udp","",0.02,3.0,["works",0.0,0.0,0.0,true,true]]]'
    (one,) = servers_untrusted(old)
    assert one.instances == []


@pytest.mark.parametrize(
    "kept",
    [("zz", 1.0, 1.0, 0.1), ("", 1.0, 1.0, 0.1), ("00" * 129, 1.0, 1.0, 0.1),
     ("aa", math.inf, 1.0, 0.1), ("aa", 1.0, math.nan, 0.1)],
)  # fmt: skip
def test_what_is_none_on_disk_is_refused(kept: tuple[str, float, float, float]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # of several kinds
        Instances.restored([KeptInstance(*kept)], away_s=0.0, now=0.0)
    with pytest.raises(WireError):
        servers_untrusted(b'[["192.0.2.1",53,"udp","",0.02,3.0,["works",0,0,0,true,true],[[1]]]]')


@pytest.mark.reaches("LEAST_RTT_SECONDS")
def test_the_least_round_trip_is_of_the_last_hour_or_two() -> None:
    infra, server = Infra(rng=random.Random(1)), Server(HOST)
    state = infra.state(server)
    for at, rtt_s in ((0.0, 0.011), (1.0, 0.010), (2.0, 0.012)):
        infra.note_answer(state, rtt_s, at)
    infra.note_answer(state, 0.011, limits.LEAST_RTT_SECONDS - 1)
    assert state.watch.least_s == 0.010
    for at in range(20):
        infra.note_answer(state, 0.0142, limits.LEAST_RTT_SECONDS + at)
    assert state.watch.least_s > 0.010
    assert state.watch.least_s <= 0.0142
