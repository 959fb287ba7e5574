"""What a copy of the root zone costs, and what it saves: `python -m bench.root`.

The real root zone is served on loopback, transferred, verified and kept by the process that the
daemon has for that, at a time inside its signatures' window; then the file is read and asked.
CPU is the process's own, its start included. A day: 48 looks at the SOA (refresh 1800), and a
transfer for each of the two zones that the root's owner publishes. Real data: RESOLVER_TEST_DATA.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from typing import TYPE_CHECKING, NamedTuple

import trio

from resolver.daemon.root_job import Job, Outcome
from resolver.daemon.root_sources import in_process
from resolver.daemon.state import ROOT_ZONE, StateDirectory
from resolver.dnssec.algorithms import Sha1Policy
from resolver.dnssec.anchors import builtin_root
from resolver.dnssec.zonemd import ZoneRecord
from resolver.iterate.root_answers import reply_of
from resolver.iterate.root_form import RootForm
from resolver.limits import ROOT_COPY_OCTETS
from resolver.model import Question
from resolver.protocol import names
from resolver.protocol.codes import RRType
from tests import real_data
from tests.daemon.axfr_server import transferring
from tests.dnssec.data import quick_zone

if TYPE_CHECKING:
    from collections.abc import Callable

WALL = 1_786_000_000.0  # inside the signatures' window of the zone that is served
LOOKS_A_DAY = 86_400 // 1800
ZONES_A_DAY = 2
LOOK_OCTETS = 1232 + 40  # of query and reply, at most
ROUNDS = 2000


class Fetched(NamedTuple):
    outcome: Outcome
    wall_s: float
    peak_octets: int


def job(port: int, directory: int) -> Job:
    anchor = builtin_root().by_name[names.ROOT]
    return Job(
        [("127.0.0.1", port)], [], list(anchor.ds), list(anchor.keys), Sha1Policy.VALIDATE,
        wall=WALL, is_exact=True, dated=WALL, held=None, directory=directory, parent=os.getpid(),
    )  # fmt: skip


async def fetch_all(records: list[ZoneRecord], state: StateDirectory, rounds: int) -> list[Fetched]:
    """The same zone, *rounds* times, each time by a process of its own."""
    found = []
    async with transferring(records) as master:
        for _ in range(rounds):
            began = time.monotonic()
            outcome = await in_process(job(master.port, state.descriptor))
            found.append(Fetched(outcome, time.monotonic() - began, outcome.peak_octets))
    return found


def microseconds(work: Callable[[], object]) -> float:
    """CPU of one call: the median of five rounds."""
    samples = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(ROUNDS):
            work()
        samples.append((time.process_time() - began) / ROUNDS * 1e6)
    return statistics.median(samples)


def resident_kib() -> int:
    """Of this process: what it has for itself, files of programs apart."""
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123  # of the kernel
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))


def tell_fetch(found: list[Fetched]) -> None:
    cpu = statistics.median(one.outcome.cpu_s for one in found)
    octets = found[0].outcome.octets
    day_octets = ZONES_A_DAY * octets + LOOKS_A_DAY * LOOK_OCTETS
    print(f"transfer                    {octets:>12,} octets")
    print(f"transfer and verification   {cpu:>12.2f} s of CPU, in a process of its own")
    print(f"  from start to file        {statistics.median(one.wall_s for one in found):>12.2f} s")
    print(f"  its memory, at the most   {found[0].peak_octets >> 20:>12} MiB")
    print(f"a day                       {day_octets:>12,} octets, {ZONES_A_DAY * cpu:.1f} s of CPU")


def tell_use(state: StateDirectory) -> None:
    before, began = resident_kib(), time.process_time()
    octets = state.read(ROOT_ZONE, ROOT_COPY_OCTETS)
    if octets is None:
        return
    form = RootForm.read_untrusted(octets)
    taken_ms = (time.process_time() - began) * 1e3
    cold, junk = (Question(names.from_text(one), RRType.A) for one in ("www.org.", "www.junk."))
    referral = microseconds(lambda: reply_of(form, cold))
    denial = microseconds(lambda: reply_of(form, junk))
    print(f"file, as octets             {len(form):>12,} octets")
    print(f"  to read and check it      {taken_ms:>12.1f} ms of CPU, in a thread")
    print(f"  memory of the daemon's    {resident_kib() - before:>12} KiB")
    print(f"a TLD's referral            {referral:>12.1f} µs, 0 packets")
    print(f"a junk TLD's denial         {denial:>12.1f} µs, 0 packets")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.root", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="transfers (default 5)")
    rounds: int = parser.parse_args().rounds
    path = real_data.FOLDER / "root" / "root.zone"
    if not path.exists():
        print(f"root: no {path}: set RESOLVER_TEST_DATA", file=sys.stderr)
        return 1
    records = [ZoneRecord(*record) for record in quick_zone(path)]
    with tempfile.TemporaryDirectory() as directory:
        state = StateDirectory(directory)
        state.open()
        found = trio.run(fetch_all, records, state, rounds)
        troubles = [trouble for one in found for trouble in one.outcome.troubles]
        if troubles:
            print(f"root: {troubles[0]}", file=sys.stderr)
            return 1
        print(f"root zone {found[0].outcome.serial}: {len(records):,} records")
        tell_fetch(found)
        tell_use(state)
        state.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
