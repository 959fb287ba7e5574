"""A process of its own, at a low priority: reads or transfers policy zones, makes their tables.

    python -m resolver.daemon.rpz_work < jobs > outcomes

The daemon's own loop never sees a record of it: it maps the table. What is not whole and right is
thrown away, and what is in use stays.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec
import trio

from resolver.daemon import child_life
from resolver.daemon.rpz_job import Job, Outcome
from resolver.daemon.rpz_transfer import Transfer
from resolver.daemon.state import StateDirectory
from resolver.errors import WireError
from resolver.limits import RPZ_LINE_OCTETS, RPZ_OCTETS
from resolver.policy.rpz_read import read_untrusted
from resolver.policy.rpz_table import Info, Table, octets_of
from resolver.policy.rpz_zone import PolicyZone
from resolver.protocol import names
from resolver.runtime.file_stamp import stamp_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_AT_ONCE: Final = 1 << 20


async def work(job: Job) -> Outcome:
    """Transfer it. What goes wrong is a trouble."""
    outcome = Outcome()
    with _troubles(outcome):
        await _transfer(job, outcome)
    return outcome


def read(job: Job) -> Outcome:
    """The same of a file, where there is nothing to be waited for."""
    outcome = Outcome()
    with _troubles(outcome):
        _read(job, outcome)
    return outcome


@contextmanager
def _troubles(outcome: Outcome) -> Iterator[None]:
    """What goes wrong is told there."""
    try:
        yield
    except OSError as error:
        outcome.troubles.append(error.strerror or str(error))
    except WireError as error:
        outcome.troubles.append(str(error))
    except MemoryError:
        outcome.troubles.append("it is too large for the memory there is")


def _read(job: Job, outcome: Outcome) -> None:
    zone = _empty(job)
    descriptor = os.open(job.file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        stamp = os.fstat(descriptor)
        if not stat.S_ISREG(stamp.st_mode):
            raise WireError("no file to be read")
        read_untrusted(lines_of(file), zone)
    made = [*stamp_of(stamp)]
    _keep(job, zone, Info(b"", source=job.file, stamp=made))
    outcome.way, outcome.octets = "file", stamp.st_size


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Lines; of what is too long the beginning. Raises WireError where there is no end."""
    left, is_middle = RPZ_OCTETS, False
    while line := file.readline(RPZ_LINE_OCTETS + 2):
        left -= len(line)
        if left < 0:
            raise WireError(f"more than {RPZ_OCTETS} octets")
        was_middle, is_middle = is_middle, not line.endswith(b"\n")
        if not was_middle:
            yield line


async def _transfer(job: Job, outcome: Outcome) -> None:
    held = (lambda: _held(job)) if job.held >= 0 else None
    transfer = Transfer(job, lambda: _empty(job), held)
    for primary in job.primaries:
        try:
            found = await transfer.of(primary)
        except OSError as error:
            outcome.troubles.append(f"{primary.host}: {error.strerror or error}")
            continue
        except WireError as error:
            outcome.troubles.append(f"{primary.host}: {error}")
            continue
        if found.zone is not None:
            _keep(job, found.zone, Info(b"", source=primary.host, made_at=job.wall))
        outcome.way, outcome.primary = found.way, primary.host
        break
    outcome.octets = transfer.octets


def _empty(job: Job) -> PolicyZone:
    return PolicyZone(names.from_text(job.zone), job.most)


def _held(job: Job) -> PolicyZone:
    """What is in use, as the zone that it was made of; nothing where it cannot be read."""
    zone = _empty(job)
    with suppress(WireError):
        table = Table.read_untrusted(os.pread(job.held, os.fstat(job.held).st_size, 0))
        zone.rules.update(table.rules_of())
        zone.soa = table.soa
        zone.report = msgspec.structs.replace(table.info.report)
    return zone


def _keep(job: Job, zone: PolicyZone, info: Info) -> None:
    """Hand the table over, and have it on disk. Raises OSError."""
    with memoryview(octets_of(zone, info)) as octets:
        at = 0
        while at < len(octets):
            at += os.pwrite(job.out, octets[at : at + _AT_ONCE], at)
        if job.directory >= 0:
            state = StateDirectory.at(job.directory)
            if state.write(job.kept_as, octets):
                state.date(job.kept_as, job.wall)


def main() -> None:
    """The process: of low weight, the first to go where memory is short."""
    jobs = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Job])
    child_life.begin(jobs[0].parent, jobs[0].weight)
    outcomes, before = [], 0.0
    for job in jobs:
        outcome = read(job) if job.file else trio.run(work, job)
        spent, outcome.peak_octets = child_life.spent()
        outcome.cpu_s, before = spent - before, spent
        outcomes.append(outcome)
    sys.stdout.buffer.write(msgspec.json.encode(outcomes))


if __name__ == "__main__":
    main()
