"""Jobs about policy zones → what came of them, by a process of their own.

Starting one takes a third of a second, so small files are read by one together: sixty-four of them
would hold up a start for half a minute else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from resolver.daemon.child import ChildFailed, ask_child
from resolver.daemon.rpz_job import Job, Outcome
from resolver.limits import RPZ_PROCESS_SECONDS, RPZ_TOGETHER_OCTETS
from resolver.runtime.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.runtime.clock import Clock

_MODULE: Final = "resolver.daemon.rpz_work"


def together(jobs: Iterable[Job]) -> list[list[Job]]:
    """Which of them one process does: all of the small files, each other one by itself."""
    small, large = list[Job](), list[list[Job]]()
    for job in sorted(jobs, key=lambda one: one.size):
        if job.file and job.size <= RPZ_TOGETHER_OCTETS:
            small.append(job)
        else:
            large.append([job])
    return [small, *large] if small else large


async def done(clock: Clock, jobs: list[Job]) -> list[Outcome]:
    """What came of each, in a process of their own; here where time is virtual, and only then is
    that loaded here, for it takes a tenth of a second.

    When the process fails, each is done by one of its own: it is one of them that brings it down.
    """
    if not isinstance(clock, SystemClock):
        from resolver.daemon import rpz_work  # noqa: PLC0415 - see above

        return [rpz_work.read(one) if one.file else await rpz_work.work(one) for one in jobs]
    descriptors = {number for one in jobs for number in (one.out, one.held, one.directory)}
    try:
        return await ask_child(
            _MODULE, jobs, list[Outcome], seconds=RPZ_PROCESS_SECONDS,
            descriptors=descriptors - {-1},
        )  # fmt: skip
    except ChildFailed as error:
        if len(jobs) == 1:
            return [Outcome(troubles=[str(error)], is_ours=True)]
    return [(await done(clock, [job]))[0] for job in jobs]
