"""What hostile zones cost: `python -m bench.signed.attack` (KeyTrap and its kin).

First in virtual time: signature checks, hashes and CPU of one client query, and the longest step
that our event loop was kept from others by it (bar: 20 ms). Then on real servers, with keys that
are dear to try: CPU per client query, ours and Unbound's in the same run.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from dataclasses import dataclass, field
from itertools import combinations, islice
from typing import TYPE_CHECKING, NamedTuple, cast

import msgspec
import trio

from bench.common import processes
from bench.realworld import software
from bench.signed import ask, compare, daemons, signed_world
from bench.signed.catalogue import PLAIN, TOP, Entry
from bench.signed.keys import Key, unknown_ds
from bench.signed.questions import Asked
from bench.signed.zone import DNSKEY_TYPE, Hashed, Recipe, Zone, usual
from resolver.budget import Share
from resolver.config.schema import Config
from resolver.daemon import run
from resolver.errors import ResolutionFailed
from resolver.lab import virtual_time
from resolver.model import Question
from resolver.protocol import names
from resolver.protocol.codes import RRType
from tests.simulation import hostile, netns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dns.rdtypes.ANY.DNSKEY import DNSKEY

    from resolver.lab.world import World

WALL = 1_785_000_000.0
BAR_MS = 20.0
DEEP = hostile.DEEP
NEEDED = ("unbound", software.PROGRAMS[software.NSD])


# --- in virtual time --------------------------------------------------------------------------


class Attack(NamedTuple):
    """A world, and the name that the nth client query asks for."""

    label: str
    world: Callable[[float], World]
    name: Callable[[int], str]


ATTACKS = (
    Attack("KeyTrap: 60 keys x 100 RRSIGs", hostile.keytrap, "n{}.evil.".format),
    Attack("150 wrong RRSIGs", hostile.signature_lists, "n{}.evil.".format),
    Attack("41 DS x 61 keys", hostile.digest_lists, "n{}.evil.".format),
    Attack("last RRSIG is right, 10 zones", hostile.late_truth, "next.deep.evil{}.".format),
    Attack("NSEC3: 110 labels x 150", hostile.closest_encloser, lambda n: f"n{n}.{DEEP}evil."),
    Attack("honest", hostile.keytrap, "n{}.honest.".format),
)


@dataclass(eq=False)
class Steps(trio.abc.Instrument):
    """CPU time of the resolver's own steps between two checkpoints; the lab's are left out."""

    total_s: float = 0.0
    longest_s: float = 0.0
    _since: float = field(default_factory=time.thread_time)

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        del task
        self._since = time.thread_time()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        if "lab" not in task.name:
            took = time.thread_time() - self._since
            self.total_s += took
            self.longest_s = max(self.longest_s, took)


class Cost(NamedTuple):
    """One attack's bill: the dearest query in checks and hashes, the mean in CPU."""

    checks: int
    hashes: int
    cpu_ms: float
    longest_ms: float

    def __str__(self) -> str:
        return f"{self.checks:7} {self.hashes:7} {self.cpu_ms:9.2f} {self.longest_ms:9.2f}"


HEADER = f"{'attack':32} {'checks':>7} {'hashes':>7} {'CPU ms':>9} {'step ms':>9}"


def bill(attack: Attack, queries: int) -> Cost:
    """*queries* client queries, one after the other, to a fresh resolver."""

    async def main() -> Cost:
        world = attack.world(WALL)
        steps, checks, hashes = Steps(), 0, 0
        with tempfile.TemporaryDirectory() as directory:
            config = msgspec.structs.replace(
                Config(), root=msgspec.structs.replace(Config().root, prime=False)
            )
            async with run.running(
                world.configure(config, directory),
                network=world.network(seed="attack"),
                clock=virtual_time.VirtualClock(wall=WALL),
                rng=virtual_time.seeded("attack"),
                listens=False,
            ) as daemon:
                trio.lowlevel.add_instrument(steps)
                for number in range(queries):
                    question = Question(names.from_text(attack.name(number)), RRType.A)
                    budget = Share.for_client(trio.current_time() + 10)
                    before = budget.whole.signature_checks, budget.whole.hashes
                    with contextlib.suppress(ResolutionFailed):
                        await daemon.resolver.resolve(question, budget)
                    checks = max(checks, before[0] - budget.whole.signature_checks)
                    hashes = max(hashes, before[1] - budget.whole.hashes)
                trio.lowlevel.remove_instrument(steps)
        return Cost(checks, hashes, 1000 * steps.total_s / queries, 1000 * steps.longest_s)

    return virtual_time.run(main)


# --- on real servers --------------------------------------------------------------------------


def _twins(key: DNSKEY) -> Iterator[DNSKEY]:
    """RSA keys with the tag of *key*: words of the modulus exchanged, the last one kept (odd)."""
    octets = key.key
    for one, other in combinations(range(8, len(octets) - 4, 2), 2):
        if octets[one : one + 2] != octets[other : other + 2]:
            twin = bytearray(octets)
            twin[one : one + 2], twin[other : other + 2] = (
                octets[other : other + 2],
                octets[one : one + 2],
            )
            yield cast("DNSKEY", key.replace(key=bytes(twin)))


def _trap(twins: int, signatures: int) -> Callable[[Zone], None]:
    """Publish *twins* of the key; sign everything but the keys *signatures* times, wrongly."""

    def spoil(zone: Zone) -> None:
        assert zone.recipe is not None  # noqa: S101
        (key,) = zone.recipe.keys
        for twin in islice(_twins(key.dnskey), twins):
            zone.put(zone.apex, twin)
        zone.resign("@", "DNSKEY")
        for name, rtype in zone.signatures:
            if rtype != DNSKEY_TYPE:
                zone.multiply(name, rtype, signatures)

    return spoil


def hostile_entries() -> list[Entry]:
    """A root and the attacks that real servers serve."""
    fakes = [f"{Key(8, 0).tag} 8 2 {number:064x}" for number in range(1, 41)]
    return [
        Entry(".", usual(8), TOP),
        Entry("rsa.", usual(8, spoil=_trap(25, 30)), PLAIN),
        Entry("p384.", usual(14, spoil=_trap(0, 60)), PLAIN),
        Entry("deep.", usual(13, hashed=Hashed(150, "ff" * 255)), PLAIN),
        Entry(
            "digests.",
            Recipe((Key(8, 0),), spoil=_trap(25, 1), ds=lambda _apex: [*map(unknown_ds, fakes)]),
            PLAIN,
        ),
        Entry("honest.", usual(13), PLAIN),
    ]


REAL = {
    "KeyTrap: 26 RSA-2048 keys x 30": "n{}.rsa.",
    "60 wrong P-384 RRSIGs": "n{}.p384.",
    "NSEC3: 110 labels x 150": f"n{{}}.{DEEP}deep.",
    "40 DS x 26 keys": "n{}.digests.",
    "honest": "n{}.honest.",
}


def cpu_per_query(
    it: signed_world.SignedWorld, program: netns.Program, server: str, texts: Sequence[str]
) -> tuple[float, str]:
    """Seconds of CPU, and what the last client was told."""
    before = processes.cpu_s(program.process.pid)
    queries = [Asked(text, "A", "do").wire() for text in texts]
    replies = ask.ask_all(it.client, server, queries, window=4, patience_s=2.0)
    told = compare.seen(replies[-1])
    return (processes.cpu_s(program.process.pid) - before) / len(
        texts
    ), f"{told.rcode}{' AD' if told.ad else ''}"


def side_by_side(queries: int) -> None:
    with signed_world.running(hostile_entries()) as it:
        ours, theirs = daemons.start_ours(it), daemons.start_unbound(it)
        print(f"\n{'attack, on real servers':32} {'ours ms':>9} {'Unbound ms':>11}")
        for label, pattern in REAL.items():
            texts = [pattern.format(number) for number in range(queries)]
            mine, told = cpu_per_query(it, ours, daemons.OURS, texts)
            other, heard = cpu_per_query(it, theirs, daemons.PEER, texts)
            print(
                f"{label:32} {1000 * mine:9.2f} {1000 * other:11.2f}  {told} / {heard}", flush=True
            )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.signed.attack", description=__doc__)
    parser.add_argument("--queries", type=int, default=100, help="per attack, on real servers")
    arguments = parser.parse_args()
    print(HEADER)
    longest = 0.0
    for attack in ATTACKS:
        cost = bill(attack, 10)
        longest = max(longest, cost.longest_ms)
        print(f"{attack.label:32} {cost}", flush=True)
    print(f"longest step {longest:.1f} ms, bar {BAR_MS:.0f} ms")
    if reason := netns.missing(*NEEDED):
        print(f"attack: {reason}: no comparison", file=sys.stderr)
    else:
        side_by_side(arguments.queries)
    return int(longest > BAR_MS)


if __name__ == "__main__":
    sys.exit(main())
