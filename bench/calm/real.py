"""The same on real sockets at 1 : 30, beside others: two minutes of use, four without a link.

All run side by side in namespaces of one emulated Internet (bench/latency; needs root), each with
what its manual offers for outages. TTLs are divided too; delegations last as long as the run.
"""

import dataclasses
import itertools
import pathlib
import random
import selectors
import tempfile
import time
from collections.abc import Iterator
from ipaddress import ip_address

from bench.calm import tally
from bench.calm.tally import Cut, Figures, Heard, Kind, heard_of
from bench.latency import measure, variants
from bench.latency.client import Stub
from bench.latency.lab import Lab
from bench.latency.latency_world import Lookup, standard_world
from bench.latency.render import render
from bench.latency.run import Plan, Run, compile_tools
from bench.latency.scenarios import SCENARIOS
from bench.latency.wire import query
from bench.outage.kinds import KINDS
from tests.simulation.netns import Namespace

SCALE = 30
USE_S, CUT_S, RETURN_S = 120, 240, 30
RETURNS = 5
NAMES, ZONES = 300, 150
TTL_S = (20, 300)
RATE_PER_S, NEW_PER_S = 10, 1
PACKETS_BAR = tally.PACKETS_BAR + 80 / CUT_S  # to find out takes as many as at full length
SHORT_S = TTL_S[1] / SCALE + 2
PATIENCE_S = 12.0
FIRST_OCTET = 151  # of every address that a name has (latency_world)
_OPT = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
_UNBOUND = "serve-expired: yes\nserve-expired-client-timeout: {}\nede: yes\nede-serve-expired: yes"
VARIANTS = {
    "unbound": ("unbound", _UNBOUND.format(1800)),
    "unbound, stale first": ("unbound", _UNBOUND.format(0)),
    "named": ("named", "stale-cache-enable yes; stale-answer-enable yes; stale-refresh-time 30;"),
    "kresd": ("kresd", "modules.load('serve_stale < cache')"),
}
RESOLVERS = ("ours", *VARIANTS)


@dataclasses.dataclass(frozen=True, slots=True)
class Story:
    """What is cut (of `bench.outage`'s kinds), beside whom; *returns* in all."""

    cut: str
    resolvers: tuple[str, ...] = RESOLVERS
    returns: int = RETURNS
    seed: int = 1


def live(story: Story) -> dict[str, Figures]:
    """The whole story; by resolver. Raises RuntimeError where a program cannot be had."""
    compile_tools()
    for name, (software, extra) in VARIANTS.items():
        variants.STARTERS[f"{name} stale"] = variants.with_extra(software, extra)
    started = tuple(name if name == "ours" else f"{name} stale" for name in story.resolvers)
    world = standard_world(story.seed)
    with tempfile.TemporaryDirectory(prefix="calm-") as scratch, Lab() as lab:
        directory = pathlib.Path(scratch)
        directory.chmod(0o755)
        run = _Run(lab, directory, world, SCENARIOS["healthy"], Plan(started))
        run.start()
        return dict(zip(story.resolvers, _Clients(run, story).live(), strict=True))


class _Run(Run):
    """One whose names have short TTLs, and other addresses at each start of the authorities."""

    edition = 0

    def start_authorities(self) -> None:
        text = "".join(
            line_of(line, self.edition, seed=self.world.seed) for line in render(self.world, {})
        )
        (self.directory / "world").write_text(text)
        super().start_authorities()

    def move(self) -> None:
        """All names have other addresses from now on."""
        self.edition += 1
        self.authorities.stop()
        self.start_authorities()


def line_of(line: str, edition: int, *, seed: int) -> str:
    """As `render` has it, but for the addresses of names."""
    kind, owner, *rest = line.split()
    if kind != "R" or rest[0] != "1" or not rest[2].startswith(f"{FIRST_OCTET:02x}"):
        return line
    ttl = max(1, random.Random(f"{seed} {owner}").randint(*TTL_S) // SCALE)
    return f"R {owner} 1 {ttl} {FIRST_OCTET + edition:02x}{rest[2][2:]}\n"


class _Asker(Stub):
    """A stub that tells what it hears; a lookup's zone is its `Kind`."""

    def __init__(self, name: str, place: Namespace, rng: random.Random) -> None:
        super().__init__(name, place, rng)
        self.heard: list[Heard] = []

    def wire(self, number: int, qname: str) -> bytes:
        """With an OPT record, so that extended errors come back."""
        plain = query(number, qname)
        return plain[:11] + b"\1" + plain[12:] + _OPT

    def _note(self, data: bytes, arrived_ns: int) -> None:
        known = len(self.outcomes)
        super()._note(data, arrived_ns)
        for outcome in self.outcomes[known:]:
            kind = Kind(outcome.zone)
            self.heard.append(heard_of(kind, outcome.sent_s, outcome.took_ms, data))

    def take(self) -> list[Heard]:
        """What was heard since the last time, silence too."""
        silent = [one for one in self.outcomes if one.rcode is None]
        self.heard += [Heard(Kind(one.zone), one.sent_s, one.took_ms, None) for one in silent]
        taken, self.heard, self.outcomes = self.heard, [], []
        return taken


class _Clients:
    """One for each resolver, all of whom ask the same at the same moments."""

    def __init__(self, run: _Run, story: Story) -> None:
        self._run = run
        self._story = story
        self._rng = random.Random(f"calm {story.seed}")
        self._stubs = [
            _Asker(name, space, random.Random(name))
            for name, space in zip(story.resolvers, run.spaces, strict=True)
        ]
        leaves = run.world.leaves
        hosts = [[*run.world.zones[leaf].hosts] for leaf in leaves]
        self._known = [name for names in hosts[:ZONES] for name in names[: NAMES // ZONES]]
        self._new = iter(_new_names(hosts))
        self._asked = 0
        self._started = time.monotonic()
        self._selector = selectors.DefaultSelector()
        for stub in self._stubs:
            self._selector.register(stub.socket, selectors.EVENT_READ, stub)

    def _now(self) -> float:
        return time.monotonic() - self._started

    def live(self) -> list[Figures]:
        self._use(USE_S)
        cut, sent = self._cut(CUT_S)
        fresh = _addresses(self._run)
        heard = [stub.take() for stub in self._stubs]
        back = [[tally.first_fresh_s(one, cut[1], fresh)] for one in heard]
        late = [tally.stale_after(one, cut[1], fresh) for one in heard]
        for number in range(1, self._story.returns):
            again, _ = self._cut(SHORT_S + number / self._story.returns)
            fresh = _addresses(self._run)
            for stub, each in zip(self._stubs, back, strict=True):
                each.append(tally.first_fresh_s(stub.take(), again[1], fresh))
        return [
            tally.figures(one, Cut(*cut, packets), each, stale=stale)
            for one, packets, each, stale in zip(heard, sent, back, late, strict=True)
        ]

    def _cut(self, seconds: float) -> tuple[tuple[float, float], list[int]]:
        """One cut and its return: its beginning and end, and what each resolver sent in it."""
        run, kind = self._run, KINDS[self._story.cut]
        before, began = run.emulator.read(), self._now()
        kind.cut(run)
        run.move()
        self._use(began + seconds - self._now())
        after = run.emulator.read()
        kind.mend(run)
        healed = self._now()
        self._use(RETURN_S)
        if not all(program.alive for program in run.programs.values()):
            raise RuntimeError("a resolver has ended")
        links = range(len(self._stubs))
        sent = [sum(measure.sent_between(before, after, link).values()) for link in links]
        return (began, healed), sent

    def _use(self, seconds: float) -> None:
        """Each name once at first, and any of them from then on; new ones now and then."""
        until = self._now() + seconds
        while (now := self._now()) < until:
            known = self._known
            name = known[self._asked] if self._asked < NAMES else self._rng.choice(known)
            self._ask(Kind.KNOWN, name)
            self._asked += 1
            if self._asked % (RATE_PER_S // NEW_PER_S) == 0:
                self._ask(Kind.NEW, next(self._new))
            self._listen(min(until, now + 1 / RATE_PER_S))

    def _ask(self, kind: Kind, name: str) -> None:
        for stub in self._stubs:
            stub.ask(Lookup(name, "0.0.0.0", kind.value), self._now())  # noqa: S104

    def _listen(self, until: float) -> None:
        while (left := until - self._now()) > 0:
            for key, _ in self._selector.select(left):
                key.data.receive()
            for stub in self._stubs:
                stub.give_up(older_than_s=PATIENCE_S)


def _new_names(hosts: list[list[str]]) -> Iterator[str]:
    """In turn below a zone that is in use, and below one that nobody asked about."""
    used = [name for names in hosts[:ZONES] for name in names[NAMES // ZONES :]]
    for pair in zip(used, (names[0] for names in itertools.cycle(hosts[ZONES:])), strict=False):
        yield from pair


def _addresses(run: _Run) -> set[bytes]:
    """Those that names have now."""
    first = bytes([FIRST_OCTET + run.edition])
    zones = (run.world.zones[leaf] for leaf in run.world.leaves)
    return {first + ip_address(host).packed[1:] for zone in zones for host in zone.hosts.values()}
