"""`python -m bench.fleet.real`: daemons that share by a real Redis, beside what the model expects.

One, two and three daemons, the latter two with a shared level and without: eleven of ours on
loopback, asked side by side for two minutes in a namespace (needs root, redis-server). Names are
asked as often as a power of their rank says; the authority is 30 ms away, tells a TTL of seconds,
and counts. Status 1 where a count is more than a tenth off, and four times its chance.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import random
import secrets
import selectors
import socket
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bench.fleet.model import Machine, Seen, steady
from bench.valkey.site import METRICS, configuration, metrics_of
from bench.valkey.truth import ZONE, address_of
from resolver.protocol import names
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
TTL_S: Final = 10
NAMES: Final = 600
POWER: Final = 0.8
SHARES: Final = {1: (1.0,), 2: (0.6, 0.4), 3: (0.5, 0.3, 0.2)}
DELAY_S: Final = 0.03
WARM_S: Final = 25.0
NEAR: Final = 0.1
CHANCES: Final = 4.0
_HEAD: Final = b"\1\0\0\1\0\0\0\0\0\0"


class Group(NamedTuple):
    """Daemons that serve the same clients."""

    number: int
    machines: int
    has_shared: bool

    @property
    def title(self) -> str:
        return f"{self.machines}, {'shared' if self.has_shared else 'each by itself'}"

    def host(self, machine: int) -> str:
        return f"127.0.{self.number}.{machine + 1}"

    @property
    def authority(self) -> str:
        return f"127.0.{self.number}.53"


GROUPS: Final = tuple(
    Group(number, machines, has_shared)
    for number, (machines, has_shared) in enumerate(
        ((1, False), (2, False), (2, True), (3, False), (3, True)), 1
    )
)


class Loop:
    """The clients and the authorities of all groups."""

    def __init__(self, place: netns.Namespace, rate: float, seed: int) -> None:
        self._rng = random.Random(seed)
        self._rate = rate
        self._selector = selectors.DefaultSelector()
        self.fetched = dict.fromkeys(GROUPS, 0)
        self.asked = dict.fromkeys(GROUPS, 0)
        self.answered = self.wrong = 0
        self._later: deque[tuple[float, socket.socket, bytes, Any]] = deque()
        self._clients: dict[tuple[Group, int], socket.socket] = {}
        self._ids = itertools.cycle(range(1 << 16))
        weights = [(rank + 1) ** -POWER for rank in range(NAMES)]
        self._sums = list(itertools.accumulate(weights))
        for group in GROUPS:
            sock = place.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((group.authority, 53))
            self._selector.register(sock, selectors.EVENT_READ, group)
            for machine in range(group.machines):
                client = place.socket(socket.AF_INET, socket.SOCK_DGRAM)
                client.connect((group.host(machine), 53))
                client.settimeout(0)
                self._clients[group, machine] = client
                self._selector.register(client, selectors.EVENT_READ, None)

    def run(self, seconds: float) -> None:
        """Ask for so long; what came before is not counted."""
        self.fetched = dict.fromkeys(GROUPS, 0)
        self.asked = dict.fromkeys(GROUPS, 0)
        start = time.monotonic()
        due = [(start + self._rng.expovariate(self._rate), group) for group in GROUPS]
        while (now := time.monotonic()) < start + seconds:
            for at, (moment, group) in enumerate(due):
                if moment <= now:
                    self._ask(group)
                    due[at] = (moment + self._rng.expovariate(self._rate), group)
            while self._later and self._later[0][0] <= now:
                _, sock, said, client = self._later.popleft()
                sock.sendto(said, client)
            next_at = min([*(moment for moment, _ in due), *(one[0] for one in self._later)])
            for key, _ in self._selector.select(max(0.0, next_at - time.monotonic())):
                self._heard(key)

    def _ask(self, group: Group) -> None:
        (name,) = self._rng.choices(range(NAMES), cum_weights=self._sums)
        (machine,) = self._rng.choices(range(group.machines), SHARES[group.machines])
        question = names.from_text(f"n{name}.{ZONE}") + b"\0\1\0\1"
        query = next(self._ids).to_bytes(2, "big") + _HEAD + question
        self._clients[group, machine].send(query)
        self.asked[group] += 1

    def _heard(self, key: selectors.SelectorKey) -> None:
        sock = key.fileobj
        assert isinstance(sock, socket.socket)  # noqa: S101  # that is what was registered
        if key.data is None:
            reply = sock.recv(2048)
            self.answered += 1
            self.wrong += reply[3] & 15 != 0
            return
        query, client = sock.recvfrom(2048)
        end = query.find(b"\0", 12) + 5
        question = query[12:end]
        said = query[:2] + b"\x84\0\0\1\0\1\0\0\0\0" + question
        said += b"\xc0\x0c\0\1\0\1" + TTL_S.to_bytes(4, "big") + b"\0\4"
        said += address_of(question[:-4].lower())
        self._later.append((time.monotonic() + DELAY_S, sock, said, client))
        self.fetched[key.data] += 1

    def close(self) -> None:
        """Give all sockets back."""
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)  # noqa: S101  # that is what was registered
            key.fileobj.close()
        self._selector.close()


def expected(group: Group, rate: float) -> Seen:
    """What the model says of it, a second."""
    rng = random.Random(group.number)
    weights = [(rank + 1) ** -POWER for rank in range(NAMES)]
    fleet = [Machine(share) for share in SHARES[group.machines]]
    seen = Seen()
    for weight in weights:
        one = rate * weight / sum(weights)
        seen.add(steady(one, TTL_S, fleet, rng, has_shared=group.has_shared), 1)
    return seen


def start(place: netns.Namespace, directory: Path) -> list[netns.Program]:
    """Redis and all daemons, until they answer. Raises RuntimeError."""
    secret = directory / "secret"
    secret.write_text(secrets.token_hex(32))
    options = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    redis = place.spawn("redis-server", *options, log=directory / "redis.log", cwd=directory)
    netns.wait_for([(place, "127.0.0.1", 6379)], programs=[redis], patience_s=20.0)
    programs, ready = [redis], []
    for group in GROUPS:
        for machine in range(group.machines):
            config = directory / f"{group.number}-{machine}.toml"
            config.write_text(_config(group, machine, directory, secret))
            argv = (sys.executable, "-m", "resolver", "serve", "--config", str(config))
            log = config.with_suffix(".log")
            programs.append(place.spawn(*argv, log=log, cwd=ROOT))
            ready.append((place, group.host(machine), METRICS))
    netns.wait_for(ready, programs=programs, patience_s=120.0)
    return programs


def _config(group: Group, machine: int, directory: Path, secret: Path) -> str:
    shared = f'url = "redis://127.0.0.1"\nsecret_file = "{secret}"\nprefix = "g{group.number}:"'
    return configuration(
        group.host(machine), directory / f"{group.number}-{machine}", f"{group.authority}:53",
        resolution="prefetch = false, serve_stale = false",
        shared=f"[valkey]\n{shared}\n" if group.has_shared else "",
    )  # fmt: skip


def told(place: netns.Namespace, group: Group, what: str) -> float:
    """A metric of Redis, summed over the daemons of *group*; 0 where nothing is shared."""
    sharing = range(group.machines if group.has_shared else 0)
    return sum(metrics_of(place, group.host(one))[f"valkey_{what}"] for one in sharing)


def is_near(found: int, wanted: float) -> bool:
    """Within a tenth, or what chance allows."""
    return abs(found - wanted) <= max(NEAR * wanted, CHANCES * math.sqrt(wanted))


def compare(place: netns.Namespace, loop: Loop, seconds: float) -> tuple[Sequence[str], bool]:
    """Rows of the table; and whether all are near."""
    loop.run(WARM_S)
    loop.run(seconds)
    lines, is_good = [], not loop.wrong
    for group in GROUPS:
        model = expected(group, loop.asked[group] / seconds)
        fetched, asked = loop.fetched[group], loop.asked[group]
        wanted = model.fetched * seconds
        is_good &= is_near(fetched, wanted)
        took_ms = told(place, group, "lookup_seconds") / group.machines * 1000
        lines.append(
            f"| {group.title} | {asked} | {fetched} | {wanted:.0f} "
            f"| {f'{took_ms:.2f}' if group.has_shared else '–'} |"
        )
    return lines, is_good


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet.real", description=__doc__)
    parser.add_argument("--rate", type=float, default=60.0, help="questions a second of a group")
    parser.add_argument("--seconds", type=float, default=100.0)
    arguments = parser.parse_args()
    netns.sweep()
    with (
        tempfile.TemporaryDirectory(prefix="fleet-") as scratch,
        netns.namespace("fleet") as place,
    ):
        directory = Path(scratch)
        directory.chmod(0o755)
        loop = Loop(place, arguments.rate, 1)
        start(place, directory)
        lines, is_good = compare(place, loop, arguments.seconds)
        loop.close()
    print(f"load {os.getloadavg()[0]:.0f}, {arguments.seconds:g} s, {NAMES} names, TTL {TTL_S} s\n")
    print("| machines | asked | fetched | model | a look-up takes ms |\n|---|---|---|---|---|")
    print("\n".join(lines))
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
