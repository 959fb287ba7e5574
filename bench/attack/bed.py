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
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).resolve().parents[2]
RESOLVER = "203.0.113.1"
GOOD = "192.0.2.77"  # the well-behaved client
ATTACKER = "198.51.100.66"
METRICS = (RESOLVER, 9153)
_OURS = """
working_directory = "{folder}"
[server]
listen = ["{resolver}:53"]
allow_from = ["0.0.0.0/0"]
user = ""
rate_limit = {rate}
workers = {workers}
[outgoing]
do_not_query_localhost = false
[root]
hints_file = "{folder}/hints"
prime = false
[dnssec]
validate = false
[cache]
persist = false
size_octets = {cache}
[metrics]
listen = "{resolver}:9153"
"""
_UNBOUND = """
server:
  interface: {resolver}
  access-control: 0.0.0.0/0 allow
  num-threads: {workers}
  do-daemonize: no
  use-syslog: no
  username: ""
  chroot: ""
  pidfile: ""
  directory: "{folder}"
  root-hints: "{folder}/hints"
  module-config: "iterator"
  do-not-query-localhost: no
  ip-ratelimit: {rate}
  rrset-cache-size: {cache}
  msg-cache-size: 64m
remote-control:
  control-enable: no
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one attack wants of the resolver."""

    rate: int = 0
    cache: int = 256 << 20
    workers: int = 1
    descriptors: int = 0  # RLIMIT_NOFILE, 0: as it comes
    address_space: int = 0  # RLIMIT_AS in octets


class Bed:
    """The namespace with its authority; `start` puts one resolver in."""

    def __init__(self, place: netns.Namespace, folder: Path) -> None:
        self.place = place
        self.folder = folder
        (folder / "hints").write_text(
            f". 3600000 NS ns.world.\nns.world. 3600000 A {authority.ROOT}\n"
        )
        place.ip(
            *(
                f"addr add {each}/32 dev lo"
                for each in (*authority.ADDRESSES, RESOLVER, GOOD, ATTACKER)
            ),
            "route add local 198.51.100.0/24 dev lo",
        )
        log = folder / "authority.log"
        self.authority = place.spawn(
            "nice", sys.executable, "-m", "bench.attack.authority", log=log, cwd=PROJECT
        )
        netns.wait_for([(place, authority.ROOT, 53)], programs=[self.authority], patience_s=20.0)

    @contextlib.contextmanager
    def running(self, name: str, settings: Settings) -> Iterator[Subject]:
        """The resolver *name*, "ours" or "unbound", until the block ends."""
        texts = {"ours": _OURS, "unbound": _UNBOUND}
        file = self.folder / f"{name}.conf"
        text = texts[name].format(
            folder=self.folder,
            resolver=RESOLVER,
            rate=settings.rate,
            workers=settings.workers,
            cache=settings.cache,
        )
        file.write_text(text)
        argv = _limited(settings, _COMMANDS[name], str(file))
        program = self.place.spawn(*argv, log=file.with_suffix(".log"), cwd=PROJECT)
        try:
            netns.wait_for([(self.place, RESOLVER, 53)], programs=[program], patience_s=20.0)
            yield Subject(name, program)
        finally:
            program.stop()


_COMMANDS = {
    "ours": [sys.executable, "-m", "resolver", "serve", "--config", "{file}"],
    "unbound": [netns.find("unbound") or "unbound", "-d", "-c", "{file}"],
}


def _limited(settings: Settings, command: list[str], file: str) -> list[str]:
    """*command*, under prlimit(1) where the attack is about a limit."""
    limits = []
    if settings.descriptors:
        limits.append(f"--nofile={settings.descriptors}:{settings.descriptors}")
    if settings.address_space:
        limits.append(f"--as={settings.address_space}")
    prefix = ["prlimit", *limits, "--"] if limits else []
    return prefix + [part.format(file=file) for part in command]


class Usage(NamedTuple):
    """Of all processes of a resolver, now. CPU in seconds since the start."""

    rss_mb: float
    descriptors: int
    cpu_s: float


@dataclass(slots=True)
class Subject:
    """One resolver while it runs."""

    name: str
    program: netns.Program

    @property
    def alive(self) -> bool:
        return self.program.alive

    def pids(self) -> list[int]:
        """Parent first; `ip netns exec` and prlimit become what they start."""
        found = [self.program.process.pid]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in children.read_text("ascii").split()]
        return found

    def usage(self) -> Usage:
        """RSS of shared pages is counted once for each process: compare like with like."""
        rss = descriptors = cpu = 0
        page = os.sysconf("SC_PAGE_SIZE")
        for pid in self.pids():
            with contextlib.suppress(OSError):
                rss += int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * page
                descriptors += len(list(Path(f"/proc/{pid}/fd").iterdir()))
                for thread in Path(f"/proc/{pid}/task").iterdir():
                    cpu += int((thread / "schedstat").read_text("ascii").split()[0])
        return Usage(rss / 1e6, descriptors, cpu / 1e9)


@contextlib.contextmanager
def made() -> Iterator[Bed]:
    """The bed; nothing of it is left afterwards. Needs root."""
    netns.sweep()
    with (
        tempfile.TemporaryDirectory(prefix="attack-") as directory,
        netns.namespace("attack") as place,
    ):
        yield Bed(place, Path(directory))
