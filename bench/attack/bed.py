"""One namespace, one resolver at a time in it, an authority, and what /proc says of the resolver.

All addresses are on the namespace's loopback, so an attacker may send from any of 198.51.100.0/24:
that is how a /24 is forged here. 127.0.0.1 is nobody's: a client there has more than others.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.attack import authority
from bench.common import peers, processes
from bench.common.cgroups import limited
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bench.common.cgroups import Group

RESOLVER = "203.0.113.1"
GOOD = "192.0.2.77"  # the well-behaved client
ATTACKER = "198.51.100.66"
METRICS = (RESOLVER, 9153)
TLS_PORT, HTTPS_PORT, QUIC_PORT = 853, 443, 853
_OURS = """working_directory = "{folder}"
server.allow_from = ["0.0.0.0/0"]
server.user = ""
server.rate_limit = {rate}
server.workers = {workers}
outgoing.do_not_query_localhost = false
root.prime = false
cache.persist = {persists}
{cache}
metrics.listen = "{resolver}:9153"
{more}"""
_UNBOUND = """access-control: 0.0.0.0/0 allow
num-threads: {workers}
module-config: "iterator"
do-not-query-localhost: no
ip-ratelimit: {rate}
rrset-cache-size: {cache}
{more}msg-cache-size: 64m"""
_EXTRA = {"ours": _OURS, "unbound": _UNBOUND, "kresd": ""}  # the one of Debian 12 has no rates


class Processors(NamedTuple):
    """Whose is which, where a resolver has all the work that it can do. Else who is woken waits for
    the scheduler's tick, four milliseconds, beside a processor that is idle."""

    ours: frozenset[int]
    theirs: frozenset[int]


def _shared_out() -> Processors:
    """The first for the resolver; none where there is only one."""
    first, *rest = sorted(os.sched_getaffinity(0))
    return Processors(frozenset([first] if rest else ()), frozenset(rest or [first]))


PROCESSORS = _shared_out()


@dataclass(frozen=True, slots=True)
class Settings:
    """What one attack wants of the resolver."""

    rate: int = 0
    cache: int = 256 << 20
    workers: int = 1
    descriptors: int = 0  # RLIMIT_NOFILE, 0: as it comes
    address_space: int = 0  # RLIMIT_AS in octets
    encrypts: bool = False  # DNS over TLS and HTTPS, and over QUIC where it can
    is_apart: bool = False  # it has one processor for itself, all others have the rest
    memory: int = 0  # octets that its cgroup may have, 0: as many as there are
    more: str = ""  # lines of its configuration


class Bed:
    """The namespace with its authority; `start` puts one resolver in."""

    def __init__(self, place: netns.Namespace, folder: Path) -> None:
        self.place = place
        self.folder = folder
        self.hints = peers.write_hints(folder / "hints", [("ns.world.", [authority.ROOT])])
        place.ip(
            *(
                f"addr add {each}/32 dev lo"
                for each in (*authority.ADDRESSES, RESOLVER, GOOD, ATTACKER)
            ),
            "route add local 198.51.100.0/24 dev lo",
        )
        log = folder / "authority.log"
        self.authority = place.spawn(
            sys.executable, "-m", "bench.attack.authority", log=log, cwd=peers.PROJECT
        )
        netns.wait_for([(place, authority.ROOT, 53)], programs=[self.authority], patience_s=20.0)

    @contextlib.contextmanager
    def running(self, name: str, settings: Settings) -> Iterator[Subject]:
        """The resolver *name* until the block ends."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        extra = _EXTRA[name].format(
            folder=folder,
            resolver=RESOLVER,
            rate=settings.rate,
            workers=settings.workers,
            cache=_cache_of(name, settings),
            persists="true" if settings.more else "false",
            more=settings.more.format(folder=folder),
        )
        setup = peers.Setup(
            directory=folder,
            hints=self.hints,
            addresses=(RESOLVER,),
            extra=extra,
            tls_port=TLS_PORT * settings.encrypts,
            https_port=HTTPS_PORT * settings.encrypts,
            quic_port=QUIC_PORT * settings.encrypts,
        )
        everywhere = os.sched_getaffinity(0)
        with contextlib.ExitStack() as stack:
            group = stack.enter_context(limited(settings.memory)) if settings.memory else None
            prefix = [*(group.prefix if group else ()), *_limited(settings)]
            with group.joined() if group else contextlib.nullcontext():
                program = peers.start(name, setup, self.place, prefix=prefix)
            try:
                if settings.is_apart:
                    self._move_away(PROCESSORS.theirs)
                workers = settings.workers + (settings.workers > 1)
                yield Subject(name, program, group, workers)
            finally:
                self._move_away(everywhere)
                program.stop()

    def _move_away(self, processors: Iterable[int]) -> None:
        """The authority, and what this process starts from now on, runs on these."""
        for pid in (0, *processes.family(self.authority.process.pid)):
            os.sched_setaffinity(pid, processors)


def _cache_of(name: str, settings: Settings) -> str:
    """For ours a line, which is not there where the size is its own affair; else the octets."""
    if name != "ours":
        return str(settings.cache)
    return f"cache.size_octets = {settings.cache}" if settings.cache else ""


def _limited(settings: Settings) -> list[str]:
    """prlimit(1) in front of the command where the attack is about a limit, or taskset(1)."""
    limits = []
    if settings.is_apart and PROCESSORS.ours:
        return ["taskset", "-c", *map(str, PROCESSORS.ours)]
    if settings.descriptors:
        limits.append(f"--nofile={settings.descriptors}:{settings.descriptors}")
    if settings.address_space:
        limits.append(f"--as={settings.address_space}")
    return ["prlimit", *limits, "--"] if limits else []


class Usage(NamedTuple):
    """Of all processes of a resolver, now. CPU in seconds since the start."""

    rss_mb: float
    descriptors: int
    cpu_s: float
    serving_mb: float = 0.0  # of the RSS, what is not a helper's: the page's, a reader's of lists


@dataclass(slots=True)
class Subject:
    """One resolver while it runs."""

    name: str
    program: netns.Program
    group: Group | None = None
    workers: int = 1  # who answers clients, and who is above them

    @property
    def alive(self) -> bool:
        return self.program.alive

    def pids(self) -> list[int]:
        """Parent first; `ip netns exec` and prlimit become what they start."""
        return processes.family(self.program.process.pid)

    def usage(self) -> Usage:
        """RSS of shared pages is counted once for each process: compare like with like."""
        descriptors, cpu_s, sizes, serving = 0, 0.0, list[int](), list[int]()
        for pid in self.pids():
            with contextlib.suppress(OSError):
                octets = processes.rss_octets(pid)
                sizes.append(octets)
                serving += [] if _is_helper(pid) else [octets]
                descriptors += len(list(Path(f"/proc/{pid}/fd").iterdir()))
                cpu_s += processes.cpu_s(pid)
        # A helper that has not yet become what it will be looks like us, for a moment.
        largest = sorted(serving)[-self.workers :]
        return Usage(sum(sizes) / 1e6, descriptors, cpu_s, sum(largest) / 1e6)


def _is_helper(pid: int) -> bool:
    """A process of ours that answers nobody: it runs a module of its own."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return b"-m" in words and b"resolver" not in words


@contextlib.contextmanager
def made() -> Iterator[Bed]:
    """The bed; nothing of it is left afterwards. Needs root."""
    netns.sweep()
    with (
        tempfile.TemporaryDirectory(prefix="attack-") as directory,
        netns.namespace("attack") as place,
    ):
        yield Bed(place, Path(directory))
