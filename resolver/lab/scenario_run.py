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
from typing import TYPE_CHECKING, Any, NamedTuple

import dns.exception
import dns.flags
import dns.message
import trio

from resolver import app
from resolver.config.load import interpret
from resolver.lab import faults
from resolver.lab.network import VirtualNetwork
from resolver.lab.scenario_match import EDNS_PAYLOAD, Seen, mismatches
from resolver.lab.scenario_servers import Stage, message_of
from resolver.lab.virtual_time import VirtualClock, run, seeded

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.config.schema import Config
    from resolver.lab.network import Packet
    from resolver.lab.scenario_model import Entry, Head, Scenario, Step

LISTEN = ("127.127.0.1", 53)
CLIENT = "127.127.0.200"
SOURCES = ("100.64.53.53", "fd53::53")
PATIENCE_S = 5.0
QUERY_TIMEOUT_S = 4.8
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
    result = Result(scenario.path, variant)
    with tempfile.TemporaryDirectory(prefix="scenario-") as directory:
        config = config_of(scenario.head, variant, Path(directory))
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


# --- configuration -------------------------------------------------------------------------------


def config_of(head: Head, variant: Variant, directory: Path) -> Config:
    """The configuration that a scenario's head describes; hints and anchors lie in *directory*."""
    hints, anchors = directory / "root.hints", directory / "anchors"
    hints.write_text(_hints(head))
    anchors.write_text("".join(f"{anchor}\n" for anchor in head.trust_anchors))
    document: dict[str, Any] = {
        "working_directory": str(directory),
        "server": {
            "listen": [f"{LISTEN[0]}:{LISTEN[1]}"],
            "allow_from": ["0.0.0.0/0", "::/0"],
            "udp_payload_size": EDNS_PAYLOAD,
            "minimal_responses": True,
            "user": "",
        },
        "outgoing": {
            "udp_payload_size": EDNS_PAYLOAD,
            "query_case_randomization": False,
            "do_not_query_localhost": True,
            "deny_private_addresses": False,
            "speculation": False,
        },
        "root": {"hints_file": str(hints), "prime": False},
        "resolution": {
            "qname_minimisation": variant.minimise,
            "local_zones": False,
            "query_timeout": QUERY_TIMEOUT_S,
        },
        "dnssec": {
            "validate": bool(head.trust_anchors),
            "trust_anchors_file": str(anchors) if head.trust_anchors else "",
            "builtin_root_anchor": False,
            "negative_trust_anchors": head.insecure,
            "sha1": True,
        },
        "cache": {},
    }
    if head.forward_addresses:
        document["forward"] = [{"zone": ".", "addresses": head.forward_addresses}]
    document |= head.arrays
    for section, settings in head.settings.items():
        document.setdefault(section, {}).update(settings)
    config, problems = interpret(document, "scenario")
    if problems:
        raise problems[0]
    return config


def _hints(head: Head) -> str:
    """The stub addresses are those of one root server, whose name a file may give."""
    lines = [f". 3600000 IN NS {head.root_name}"]
    lines += [
        f"{head.root_name} 3600000 IN {'AAAA' if ':' in address else 'A'} {address}"
        for address in head.root_addresses or ["192.0.2.255"]  # forwarding files name no root
    ]
    return "\n".join(lines) + "\n"


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
        ):
            try:
                for index, step in enumerate(self._scenario.steps):
                    await self._step(index, step)
            finally:
                self._result.unscripted = self._stage.unscripted
            await trio.lowlevel.checkpoint()

    async def _step(self, index: int, step: Step) -> None:
        self._stage.step = step.number
        match step.kind:
            case "QUERY" if step.entry is not None:
                self._stage.once = self._replies_after(index)
                await self._query(step, step.entry)
            case "CHECK_ANSWER" if step.entry is not None:
                self._check(step, step.entry)
            case "TIME_PASSES":
                await trio.sleep(step.elapse_s)
            case "CHECK_QUERIES":
                self._result.counts.append(self._sent)
                if not RELATIONS[step.relation](self._sent, step.count):
                    raise StepFailed(
                        f"step {step.number}: queries sent: wanted {step.relation} {step.count},"
                        f" got {self._sent}"
                    )
            case _:  # STEP REPLY is offered to the query before it; CHECK_OUT_QUERY is not seen
                pass

    def _replies_after(self, index: int) -> list[Entry]:
        """The STEP REPLY entries between this query and the next."""
        found = []
        for step in self._scenario.steps[index + 1 :]:
            if step.kind == "QUERY":
                break
            if step.kind == "REPLY" and step.entry is not None:
                found.append(step.entry)
        return found

    async def _query(self, step: Step, entry: Entry) -> None:
        self._sent = 0
        self._answer = None
        client = self._network.client(CLIENT)
        try:
            if entry.raw is not None:
                client.send_udp(LISTEN, entry.raw)
                await trio.sleep(self._patience_s)
                return
            query = message_of(entry, message_id=self._rng.getrandbits(16))
            if "DO" in entry.flags:
                query.use_edns(0, dns.flags.DO, EDNS_PAYLOAD)
            over_tcp = "TCP" in entry.match
            ask = client.ask_tcp if over_tcp else client.ask_udp
            data = await ask(LISTEN, query.to_wire(), timeout_s=self._patience_s)
        finally:
            client.close()
        if data is None:
            raise StepFailed(f"step {step.number}: no answer within {self._patience_s:.0f} s")
        try:
            message = dns.message.from_wire(data)
        except dns.exception.DNSException as error:
            raise StepFailed(f"step {step.number}: the answer is not DNS: {error!r}") from error
        self._answer = Seen(message, "tcp" if over_tcp else "udp")

    def _check(self, step: Step, entry: Entry) -> None:
        if self._answer is None:
            raise StepFailed(f"step {step.number}: no query before this check")
        found = mismatches(entry, self._answer)
        if found:
            raise StepFailed(f"step {step.number}: " + "; ".join(map(str, found)))
