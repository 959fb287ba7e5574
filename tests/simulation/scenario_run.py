"""Plays a scenario against the real pipeline: a listener's bytes in, bytes out, in virtual time.

The whole program runs, from its composition root, on the virtual Internet; nothing in it knows that
it is being tested. The clock starts where the scenario says, and TIME_PASSES moves all of time.
"""

from __future__ import annotations

import operator
import tempfile
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import dns.exception
import dns.flags
import dns.message
import trio

from resolver.daemon import run as app
from resolver.errors import ConfigError
from resolver.lab import faults
from resolver.lab.virtual_network import VirtualNetwork
from resolver.lab.virtual_time import VirtualClock, run, seeded
from tests.simulation.scenario_config import config_of
from tests.simulation.scenario_copy import is_used, judged
from tests.simulation.scenario_match import Seen, mismatches
from tests.simulation.scenario_policy import compared
from tests.simulation.scenario_servers import Stage, query_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from resolver.config.schema import Config
    from resolver.daemon.run import Daemon
    from resolver.lab.virtual_parts import Packet
    from tests.simulation.scenario_model import Entry, Head, Scenario, Step

LISTEN = ("127.127.0.1", 53)
CLIENT = "127.0.0.1"
SOURCES = ("100.64.53.53", "fd53::53")
PATIENCE_S = 5.0
TRAFFIC_S = 0.4
ONE_WAY_S = 0.005
WALL = 1_785_000_000.0
RELATIONS = {"<=": operator.le, "==": operator.eq, ">=": operator.ge}


class Variant(NamedTuple):
    """How a file is run. *fill* is explained in `scenario_servers.Filler`."""

    minimise: bool
    fill: bool = False

    def __str__(self) -> str:
        return f"minimise={'on' if self.minimise else 'off'}{' fill' if self.fill else ''}"


@dataclass(slots=True)
class Result:
    """What came of one run. Passed when both are empty."""

    path: Path
    variant: Variant
    failure: str = ""
    unscripted: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.failure and not self.unscripted

    def __str__(self) -> str:
        if self.passed:
            return f"pass {self.path} ({self.variant})"
        reasons = [self.failure] if self.failure else []
        reasons += [f"unscripted {one}" for one in self.unscripted]
        return f"FAIL {self.path} ({self.variant}): " + "; ".join(reasons)


class StepFailed(Exception):
    """A step did not go as the file says."""


def variants(scenario: Scenario, *, minimise: str = "both", fill: bool = False) -> list[Variant]:
    """The runs that a file wants. What it states itself wins over *minimise* (on, off, both)."""
    stated = scenario.head.minimise
    if stated is not None:
        wanted = [stated]
    else:
        wanted = {"on": [True], "off": [False], "both": [False, True]}[minimise]
    return [Variant(one, fill or "unbound" in scenario.path.parts) for one in wanted]


def play(
    scenario: Scenario,
    variant: Variant,
    *,
    watch: Callable[[Packet], None] | None = None,
    crash: bool = False,
) -> Result:
    """Run one variant of one scenario. With *crash* an exception of the program comes through."""
    result = Result(scenario.path, variant, scenario.unbuilt)
    if result.failure:
        return result
    with tempfile.TemporaryDirectory(prefix="scenario-") as directory:
        try:
            config = config_of(scenario.head, Path(directory), minimise=variant.minimise)
        except ConfigError as error:
            result.failure = f"configuration: {error}"
            return result
        try:
            run(partial(_Play(scenario, result, config, watch).run))
        except* StepFailed as failed:
            result.failure = str(failed.exceptions[0])
        except* Exception as group:  # a crash fails this file only
            if crash:
                raise
            result.failure = f"crashed: {_innermost(group)!r}"
    return result


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


# --- the play ------------------------------------------------------------------------------------


class _Play:
    """One run: the network, the daemon on it, and the steps one after the other."""

    def __init__(
        self,
        scenario: Scenario,
        result: Result,
        config: Config,
        watch: Callable[[Packet], None] | None,
    ) -> None:
        self._scenario = scenario
        self._result = result
        self._config = config
        self._stage = Stage(scenario, fill=result.variant.fill)
        self._rng = seeded("scenario", scenario.path.name, result.variant)
        self._network = VirtualNetwork(
            rng=seeded("network", scenario.path.name, result.variant),
            faults=faults.Faults(faults.Path(delay_s=ONE_WAY_S)),
            sources=SOURCES,
        )
        self._network.settle = self._stage.server
        self._network.observers.append(self._count)
        if watch is not None:
            self._network.observers.append(watch)
        self._sent = 0
        self._began = 0.0
        self._patience_s = max(PATIENCE_S, config.resolution.query_timeout + ONE_WAY_S * 4)
        self._answer: Seen | None = None

    def _count(self, packet: Packet) -> None:
        self._sent += packet.source[0] in SOURCES

    async def run(self) -> None:
        wall = self._scenario.head.wall
        clock = VirtualClock(wall=WALL if wall is None else wall)
        # A file under a name of its own: nothing lives at the addresses of daemon and client.
        async with app.running(
            self._config,
            network=self._network,
            listen_network=self._network,
            clock=clock,
            rng=self._rng,
        ) as daemon:
            self._began = trio.current_time()
            if self._scenario.head.copies:
                await self._judge_copies(daemon)
                return
            try:
                for index, step in enumerate(self._scenario.steps):
                    await self._step(index, step)
                self._check_mandatory()
            finally:
                if not self._scenario.head.policies:
                    self._result.unscripted = self._stage.unscripted
            await trio.lowlevel.checkpoint()

    async def _judge_copies(self, daemon: Daemon) -> None:
        """Is each zone used that the file's last answer is from, and no other?"""
        self._stage.step = self._scenario.steps[0].number
        for zone in self._scenario.head.copies:
            why_not = await judged(zone, self._scenario, daemon)
            if is_used(self._scenario) is bool(why_not):
                raise StepFailed(f"the copy of {zone.zone} is {why_not or 'used'}")

    async def _step(self, index: int, step: Step) -> None:
        self._stage.step = step.number
        match step.kind:
            case "QUERY" if step.entry is not None:
                following = self._scenario.steps[index + 1 :]
                self._stage.offer(following)
                await self._query(step, step.entry, is_dropped=self._is_dropped(following))
                self._check_silence(step, following)
                if self._config.resolution.prefetch:  # to the files, what it sets off takes no time
                    await self._until_quiet()
            case "CHECK_ANSWER" if step.entry is not None:
                self._check(step, step.entry)
            case "NOTHING":
                if self._answer is not None:
                    raise StepFailed(f"step {step.number}: there was an answer")
            case "TIME_PASSES":
                await self._pass(step.elapse_s)
            case "TRAFFIC":
                await self._until_quiet()
            case "CHECK_QUERIES":
                self._result.counts.append(self._sent)
                if not RELATIONS[step.relation](self._sent, step.count):
                    raise StepFailed(
                        f"step {step.number}: queries sent: wanted {step.relation} {step.count},"
                        f" got {self._sent}"
                    )
            case _:  # what servers do is offered to the query before; CHECK_OUT_QUERY is not seen
                pass

    def _is_dropped(self, following: Sequence[Step]) -> bool:
        return is_dropped(following) or is_dropped_by_policy(self._scenario.head, following)

    def _check_silence(self, step: Step, following: Sequence[Step]) -> None:
        if is_dropped_by_policy(self._scenario.head, following) and self._answer is not None:
            raise StepFailed(f"step {step.number}: there was an answer")

    async def _query(self, step: Step, entry: Entry, *, is_dropped: bool) -> None:
        self._sent = 0
        self._answer = None
        client = self._network.client(step.address or CLIENT)
        over_tcp = "TCP" in entry.match
        data = query_of(entry, message_id=self._rng.getrandbits(16))
        try:
            if entry.is_answered:
                ask = client.ask_tcp if over_tcp else client.ask_udp
                reply = await ask(LISTEN, data, timeout_s=self._patience_s)
            else:
                client.send_udp(LISTEN, data)
                await trio.sleep(self._patience_s)
                return
        finally:
            client.close()
        if reply is not None:
            seen = answer_of(step, data, reply, "tcp" if over_tcp else "udp")
            self._answer = seen._replace(is_late=self._config.resolution.prefetch)
        elif not is_dropped:
            raise StepFailed(f"step {step.number}: no answer within {self._patience_s:.0f} s")

    async def _pass(self, seconds: float) -> None:
        """Let time pass; whole seconds as if what came before had taken whole seconds only.

        The files count so: to them a query takes no time, and TTLs are compared to the second.
        """
        now = trio.current_time()
        if not seconds.is_integer():
            await trio.sleep(seconds)
            return
        await trio.sleep_until(max(now, int(now - self._began) + self._began + seconds))

    async def _until_quiet(self) -> None:
        """Let background work go on, for so short a time that no TTL shows it."""
        deadline = trio.current_time() + TRAFFIC_S
        sent = -1
        while sent != self._sent and trio.current_time() < deadline:
            sent = self._sent
            await trio.sleep(ONE_WAY_S * 10)

    def _check(self, step: Step, entry: Entry) -> None:
        if self._answer is None:
            raise StepFailed(f"step {step.number}: no query before this check")
        head = self._scenario.head
        found = mismatches(*compared(head, entry, self._answer), is_full=head.has_full_answers)
        if found:
            raise StepFailed(f"step {step.number}: " + "; ".join(map(str, found)))

    def _check_mandatory(self) -> None:
        lines = ", ".join(map(str, self._stage.unused()))
        if lines:
            raise StepFailed(f"nobody asked for the MANDATORY entries of lines {lines}")


def is_dropped(following: Sequence[Step]) -> bool:
    """True if NOTHING is the right answer to the query before these steps."""
    for step in following:
        if step.kind in {"QUERY", "CHECK_ANSWER"}:
            return False
        if step.kind == "NOTHING":
            return True
    return False


def is_dropped_by_policy(head: Head, following: Sequence[Step]) -> bool:
    """True if silence is what policy zones are to bring: the file has no word for it, and no step
    looks at the answer."""
    return bool(head.policies) and not _is_checked(following)


def _is_checked(following: Sequence[Step]) -> bool:
    """True if a step looks at the answer to the query before these steps, or says there is none."""
    for step in following:
        if step.kind == "QUERY":
            return False
        if step.kind in {"CHECK_ANSWER", "NOTHING"}:
            return True
    return False


def answer_of(step: Step, query: bytes, reply: bytes, transport: str) -> Seen:
    """What came for *query*. Raises StepFailed if it is no DNS message."""
    try:
        message = dns.message.from_wire(reply)
    except dns.exception.DNSException as error:
        raise StepFailed(f"step {step.number}: the answer is not DNS: {error!r}") from error
    return Seen(message, transport, asked_do(query))


def asked_do(query: bytes) -> bool:
    """True if a client's query has EDNS with DO; one that is no DNS message has not."""
    try:
        return bool(dns.message.from_wire(query).ednsflags & dns.flags.DO)
    except dns.exception.DNSException:
        return False
