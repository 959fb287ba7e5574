"""One run: build the world, start everything, ask, count, and take it all down again."""

import contextlib
import dataclasses
import functools
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator

from bench.common import peers, processes, signing
from bench.latency import measure, oracle, variants
from bench.latency.city import city_rtt
from bench.latency.client import PATIENCE_S, SERVER, Event, Stub, poisson, run_phase
from bench.latency.lab import Lab, join
from bench.latency.latency_world import Lookup, World, deep_world, standard_world
from bench.latency.render import render, world_keys
from bench.latency.scenarios import Change, Faults, Paths, Scenario
from tests.simulation import netns

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parent / "out" / "latency" / "build"
SETTLE_S = 4.0  # time for everybody to prime before the first question
EMULATOR_PRIORITY, AUTHORITY_PRIORITY = 60, 50
SERVED = ("185.0.0.0/8", "2a10::/16")


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """How much to ask, and of whom."""

    resolvers: tuple[str, ...]
    cold: int = 500
    warm: int = 2000
    rate_per_s: float = 30.0
    trace: bool = False
    keep: pathlib.Path | None = None

    def count(self, phase: str) -> int:
        """Questions of a phase."""
        return self.cold if phase == "cold" else self.warm


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """What one run found: figures by resolver and phase, "oracle" among the resolvers."""

    scenario: str
    world: str
    seed: int
    figures: dict[str, dict[str, measure.Figures]]
    lateness: dict[str, measure.Lateness]
    is_valid: bool
    load: float
    busy_percent: float
    cpu_s: dict[str, float]
    stray: dict[str, int]


def make_world(name: str, seed: int) -> World:
    """The world called *name*."""
    if name == "w1":
        return standard_world(seed)
    if name == "w1-signed":
        return standard_world(seed, is_signed=True)
    if name == "city":
        return standard_world(seed, rtt=city_rtt(seed))
    if name == "city-signed":
        return standard_world(seed, rtt=city_rtt(seed), is_signed=True)
    if name == "deep3":
        return deep_world(seed)
    raise ValueError(f"no world called {name}")


def compile_tools() -> None:
    """Build wanem and authsim where they are older than their sources."""
    BUILD.mkdir(parents=True, exist_ok=True)
    for tool in ("wanem", "authsim"):
        source, binary = HERE / f"{tool}.c", BUILD / tool
        if not binary.exists() or binary.stat().st_mtime < source.stat().st_mtime:
            flags = ["-O2", "-Wall", "-Wextra", "-std=gnu11"]
            subprocess.run(["cc", *flags, "-o", str(binary), str(source), "-lm"], check=True)


class Emulator:
    """wanem and its two files."""

    def __init__(
        self,
        lab: Lab,
        directory: pathlib.Path,
        ends: list[tuple[netns.Namespace, netns.Namespace]],
        plan: Plan,
        seed: int,
        paths: Paths,
    ) -> None:
        self._table, self._stats = directory / "paths", directory / "stats"
        self.write(paths)
        argv = [
            str(BUILD / "wanem"),
            "-t",
            str(self._table),
            "-s",
            str(self._stats),
            "-r",
            str(seed),
        ]
        argv += ["-p", str(EMULATOR_PRIORITY)]
        if plan.trace:
            argv += ["-x", str(directory / "trace")]
        for index, (resolver, servers) in enumerate(ends):
            here, there = (netns.RUN_DIRECTORY / place.name for place in (resolver, servers))
            argv.append(f"{here},{there},w{index}")
        log = directory / "wanem.log"
        self._program = lab.start(argv, log)
        self._program.await_line("ready")
        for index, (resolver, servers) in enumerate(ends):
            join(resolver, servers, index)

    def write(self, paths: Paths) -> None:
        """The table the emulator reads at its start or at the next `reload`."""
        text = "".join(path.line(address) for address, path in paths.items())
        new = self._table.with_suffix(".new")
        new.write_text(text)
        new.rename(self._table)

    def change(self, change: Change) -> None:
        """Put *change* in force."""
        self.write(change.paths)
        self._program.process.send_signal(signal.SIGHUP)

    def read(self) -> measure.Counters:
        """The counters now."""
        self._stats.unlink(missing_ok=True)
        self._program.process.send_signal(signal.SIGUSR1)
        until = time.monotonic() + PATIENCE_S
        while not self._stats.exists() and time.monotonic() < until:
            time.sleep(0.02)
        return measure.read_counters(self._stats)


@contextlib.contextmanager
def _scratch(plan: Plan) -> Iterator[pathlib.Path]:
    directory = pathlib.Path(tempfile.mkdtemp(prefix="latency-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        if plan.keep:
            shutil.copytree(directory, plan.keep, dirs_exist_ok=True, ignore=_not_kept)
        shutil.rmtree(directory, ignore_errors=True)


def _not_kept(folder: str, names: list[str]) -> list[str]:
    """Sockets and cache databases."""
    paths = [pathlib.Path(folder, name) for name in names]
    return [p.name for p in paths if p.suffix == ".mdb" or not (p.is_file() or p.is_dir())]


def _cpu_times() -> tuple[int, int]:
    fields = [int(v) for v in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return sum(fields[:8]) - fields[3] - fields[4], sum(fields[:8])


def _cpu_s(program: netns.Program) -> float:
    """Of the program and of its workers, if it has any."""
    return sum(map(processes.cpu_s, processes.family(program.process.pid)))


class Run:
    """The parts of one run while it lasts."""

    def __init__(
        self, lab: Lab, directory: pathlib.Path, world: World, scenario: Scenario, plan: Plan
    ) -> None:
        self.lab, self.directory, self.world, self.scenario, self.plan = (
            lab,
            directory,
            world,
            scenario,
            plan,
        )
        self.phases = {phase: plan.count(phase) / plan.rate_per_s for phase in ("cold", "warm")}
        rng = random.Random(f"{world.seed} {scenario.name}")
        self.faults: Faults = scenario.apply(world, rng, self.phases)
        self.programs: dict[str, netns.Program] = {}

    def start(self) -> None:
        """Authorities, emulator, resolvers, stubs."""
        keys = world_keys(self.world)
        world_file = self.directory / "world"
        world_file.write_text("".join(render(self.world, keys)))
        servers = self.lab.add_namespace("srv")
        servers.ip(*(f"route add local {prefix} dev lo" for prefix in SERVED))
        namespaces = [
            self.lab.add_namespace(str(index)) for index in range(len(self.plan.resolvers))
        ]
        ends = [(namespace, servers) for namespace in namespaces]
        self.emulator = Emulator(
            self.lab, self.directory, ends, self.plan, self.world.seed, self.faults.start
        )
        self.servers, self.spaces = servers, namespaces
        self.start_authorities()
        root = self.world.set_of("").nameservers
        hints = peers.write_hints(
            self.directory / "hints", [(f"{one.name}.", (one.v4, one.v6)) for one in root]
        )
        anchors = (signing.anchor_text(".", keys[""]),) if "" in keys else ()
        for name, namespace in zip(self.plan.resolvers, namespaces, strict=True):
            setup = peers.Setup(directory=self.directory / name, hints=hints, anchors=anchors)
            setup.directory.mkdir()
            command = variants.STARTERS[name](setup)
            log = setup.directory / "log"
            self.programs[name] = self.lab.start(command, log, place=namespace)
        for name, namespace in zip(self.plan.resolvers, namespaces, strict=True):
            ready = [(namespace, SERVER[0], SERVER[1])]
            netns.wait_for(ready, programs=[self.programs[name]], patience_s=peers.READY_S)
        rng = random.Random(f"{self.world.seed} ids")
        self.stubs = [
            Stub(name, space, rng)
            for name, space in zip(self.plan.resolvers, namespaces, strict=True)
        ]
        time.sleep(SETTLE_S)

    def start_authorities(self) -> None:
        """All of the world's, in one process; again, if that was ended."""
        argv = [str(BUILD / "authsim"), "-w", str(self.directory / "world")]
        argv += ["-p", str(AUTHORITY_PRIORITY), *(["-t"] if self.scenario.truncate else [])]
        log = self.directory / "authsim.log"
        log.unlink(missing_ok=True)
        self.authorities = self.lab.start(argv, log, place=self.servers)
        self.authorities.await_line("ready")

    def phase(
        self, phase: str, before: measure.Counters
    ) -> tuple[dict[str, measure.Figures], measure.Counters]:
        """Ask the questions of *phase*; figures by resolver, and the counters after it."""
        count = self.plan.count(phase)
        rng = random.Random(f"{self.world.seed} {phase}")
        lookups = self.world.lookups(rng, count, first_round=0 if phase == "cold" else 1)
        arrivals = poisson(rng, len(lookups), self.plan.rate_per_s)
        events = [
            Event(change.at_s, functools.partial(self.emulator.change, change))
            for change in self.faults.changes
            if change.phase == phase
        ]
        for stub in self.stubs:
            stub.outcomes = []
        run_phase(self.stubs, lookups, arrivals, events, self.scenario.retransmit_s)
        self.lab.check_alive()
        after = self.emulator.read()
        figures = {"oracle": self._oracle(list(zip(lookups, arrivals, strict=True)), phase)}
        for link, stub in enumerate(self.stubs):
            sent = measure.sent_between(before, after, link)
            near = (
                None
                if self.faults.changes
                else measure.share_near_best(self.world, self.faults.start, sent)
            )
            figures[stub.name] = measure.of_outcomes(stub.outcomes, sum(sent.values()), near)
        return figures, after

    def _oracle(self, asked: list[tuple[Lookup, float]], phase: str) -> measure.Figures:
        times = oracle.optima(self.world, asked, self.faults.start, self.faults.changes, phase)
        steps = 2 if phase == "cold" else 1
        return measure.summarise(times, len(asked) - len(times), steps * len(times), 1.0)


def run_once(scenario: Scenario, world_name: str, seed: int, plan: Plan) -> Result:
    """One scenario, one seed, all resolvers."""
    world = make_world(scenario.world or world_name, seed)
    busy0, total0 = _cpu_times()
    with _scratch(plan) as directory, Lab() as lab:
        run = Run(lab, directory, world, scenario, plan)
        run.start()
        counters = measure.Counters({}, {}, {})  # start-up queries count with the cold phase
        by_phase: dict[str, dict[str, measure.Figures]] = {}
        for phase in run.phases:
            if plan.count(phase):
                by_phase[phase], counters = run.phase(phase, counters)
        cpu_s = {name: _cpu_s(program) for name, program in run.programs.items()}
    busy1, total1 = _cpu_times()
    names = ("oracle", *plan.resolvers)
    return Result(
        scenario=scenario.name,
        world=world.name,
        seed=seed,
        figures={name: {phase: by_phase[phase][name] for phase in by_phase} for name in names},
        lateness=counters.lateness,
        is_valid=counters.is_on_time(),
        load=os.getloadavg()[0],
        busy_percent=100 * (busy1 - busy0) / max(1, total1 - total0),
        cpu_s=cpu_s,
        stray={plan.resolvers[link]: count for link, count in counters.stray.items()},
    )
