"""Where a copy of the root zone comes from, when one is wanted, and the process that fetches it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, TypeAlias

from resolver.config.endpoints import endpoint
from resolver.daemon.child import ChildFailed, ask_child
from resolver.daemon.root_job import Job, Outcome
from resolver.dnssec.algorithms import Sha1Policy
from resolver.dnssec.steps import AtLeast
from resolver.limits import (
    ROOT_MEMORY_OCTETS,
    ROOT_PAYS_QUESTIONS,
    ROOT_PAYS_SECONDS,
    ROOT_PROCESS_SECONDS,
)
from resolver.protocol import names

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from resolver.config.schema import Config
    from resolver.daemon.wiring import Parts
    from resolver.iterate.root_copy import RootCopy
    from resolver.model import Name

Fetch: TypeAlias = "Callable[[Job], Awaitable[Outcome]]"
# RFC 8806 App. A: ICANN's two transfer servers, and the servers of the root that offer it.
_TRANSFER_SERVERS: Final = (
    "192.0.47.132", "2620:0:2830:202::132", "192.0.32.132", "2620:0:2d0:202::132",
)  # fmt: skip
_OFFERING: Final = frozenset(names.from_text(f"{one}.root-servers.net.") for one in "bcdfgk")


def sources_of(config: Config, hints: list[tuple[Name, str]]) -> list[tuple[str, int]]:
    """Whom to ask for a transfer, in this order: those configured, or those that offer it."""
    outgoing = config.outgoing
    if config.root.sources:
        found = [endpoint(text) for text in config.root.sources]
    else:
        offering = [host for name, host in hints if name in _OFFERING]
        found = [(host, 53) for host in (*_TRANSFER_SERVERS, *offering)]
    return [one for one in found if (outgoing.ipv6 if ":" in one[0] else outgoing.ipv4)]


def pays(config: Config, copy: RootCopy, *, uptime_s: float, memory_octets: int | None) -> bool:
    """Is a first copy to be fetched?

    "auto": by a process that stays, with memory for it, after many questions to the root's servers
    or one that they did not answer.
    """
    if config.root.local is True:
        return True
    if memory_octets is not None and memory_octets < ROOT_MEMORY_OCTETS:
        return False
    is_of_use = copy.failures or copy.passed_over > ROOT_PAYS_QUESTIONS
    return uptime_s >= ROOT_PAYS_SECONDS and bool(is_of_use)


def job_for(parts: Parts, wall: float, *, held: int | None, directory: int) -> Job:
    """What a process is to fetch for *parts*, at Unix time *wall*, an `AtLeast` perhaps."""
    config = parts.config
    assert parts.anchors is not None  # noqa: S101  # else no copy is wanted
    anchor = parts.anchors.by_name[names.ROOT]
    return Job(
        sources=sources_of(config, parts.named_roots),
        leave_from=list(config.outgoing.source_addresses),
        ds=list(anchor.ds),
        keys=list(anchor.keys),
        sha1=Sha1Policy.of(validates=config.dnssec.sha1),
        wall=float(wall),
        is_exact=not isinstance(wall, AtLeast),
        dated=parts.clock.wall(),
        held=held,
        directory=directory,
        parent=os.getpid(),
    )


async def in_process(job: Job) -> Outcome:
    """Fetch in a process of its own. What goes wrong with that is a trouble like others."""
    try:
        return await ask_child(
            "resolver.daemon.root_fetch", job, Outcome, seconds=ROOT_PROCESS_SECONDS,
            descriptors=(job.directory,), words=("fetch", "fetches"), comes_last=True,
        )  # fmt: skip
    except ChildFailed as failed:
        return Outcome(troubles=[str(failed)])
