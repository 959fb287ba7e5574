"""The run of a comparison: who is there, who answers in whose place, and the two passes."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from random import SystemRandom
from typing import TYPE_CHECKING, NamedTuple

import trio

from resolver.cli import interception
from resolver.cli.compare import Asker, fresh, one_pass
from resolver.config import endpoints
from resolver.limits import BENCH_PAUSE_SECONDS, BENCH_START_TRIES, BENCH_TRIES
from resolver.model import Question
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.transport import DOH_PATH, Transport
from resolver.upstream.udp import SystemNetwork

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from resolver.cli.compare import Contestant
    from resolver.cli.interception import Evidence
    from resolver.model import Server
    from resolver.upstream.network import Network

OWN = "this resolver"
REPLACED = "somebody on the way answers in its place"
_SAYS_NOTHING = frozenset({"timeout", "unreachable"})
# Answered by every resolver out of its own head: whether anybody is there at all.
_FIRST_QUESTION = Question(names.from_text("localhost."), RRType.A)


class Plan(NamedTuple):
    """What is asked. *zone*: cold names are random labels below it, if there is one.

    *public*: names of contestants that others may answer for. *config*: the file for this
    resolver's own process.
    """

    asked: Sequence[Question]
    rate: float
    zone: bytes | None
    public: frozenset[str]
    config: str | None


async def compare(contestants: Sequence[Contestant], plan: Plan) -> Evidence:
    """Fill in the contestants' passes."""
    network = SystemNetwork()
    asker = Asker(network, SystemRandom())
    async with _own(plan, contestants), trio.open_nursery() as nursery:
        nursery.start_soon(asker.run)
        encrypt(asker, contestants, network, nursery)
        async with trio.open_nursery() as looks:
            for each in contestants:
                looks.start_soon(reach, asker, each)
        public = [each for each in contestants if each.name in plan.public and each.terms is None]
        evidence = await _look(asker, public)
        for label in ("cold", "warm"):
            await _pass(asker, contestants, label, plan)
        nursery.cancel_scope.cancel()
    return evidence


def encrypt(
    asker: Asker, contestants: Sequence[Contestant], network: Network, nursery: trio.Nursery
) -> None:
    """Sessions for those who are asked encrypted, if there are any."""
    terms = {each.server.key: each.terms for each in contestants if each.terms is not None}
    if not terms:
        return
    from resolver.upstream.link_profile import LinkProfile  # noqa: PLC0415
    from resolver.upstream.session_counters import SessionCounters  # noqa: PLC0415  # OpenSSL
    from resolver.upstream.sessions import Sessions  # noqa: PLC0415

    sessions = Sessions(
        network=network,
        carriers=asker.carriers,
        rng=SystemRandom(),
        counters=SessionCounters(),
        hear=asker.heard,
        departed=lambda _: None,
        keeps_warm=lambda: True,
        believes_clock=lambda: True,
        link=LinkProfile(),
    )
    sessions.nursery = nursery
    sessions.go_by(terms)
    asker.ports = sessions


async def reach(asker: Asker, each: Contestant) -> None:
    """Is anybody there, and does it know the root? Our own process needs a moment to bind."""
    for _ in range(BENCH_START_TRIES if each.name == OWN else BENCH_TRIES):
        sample = await asker.ask(each.server, _FIRST_QUESTION)
        each.is_reachable = sample.elapsed_s is not None
        each.why = "" if sample.outcome in _SAYS_NOTHING else sample.outcome
        if each.is_reachable:
            root = await asker.ask(each.server, interception.ROOT)
            each.denies_the_root = root.kind in ("NXDOMAIN", "no records")
            return
        await trio.sleep(BENCH_PAUSE_SECONDS)


async def _look(asker: Asker, public: Sequence[Contestant]) -> Evidence:
    """Of those in whose place one answers, one is asked, and by the name of what it is."""
    there = [each for each in public if each.is_reachable]
    if not there:
        return interception.Evidence()
    evidence = await interception.look(asker, there)
    for rank, each in enumerate(evidence.replaced):
        if rank:
            each.aside = REPLACED
        else:
            each.name = f"instead of {each.name}"
    return evidence


async def _pass(asker: Asker, contestants: Sequence[Contestant], label: str, plan: Plan) -> None:
    present = [each for each in contestants if each.takes_part]
    progress = Progress(label, len(plan.asked) * len(present))
    async with trio.open_nursery() as nursery:
        for each in present:
            listed = list(plan.asked)
            if plan.zone is not None and label == "cold":
                made = fresh(plan.zone, len(listed), SystemRandom())
                listed = [Question(name, RRType.A) for name in made]

            async def go(each: Contestant = each, listed: list[Question] = listed) -> None:
                await one_pass(asker, each, label, listed, rate=plan.rate, progress=progress)

            nursery.start_soon(go)
    progress.end()


class Progress:
    """How far it is, on one line of a terminal; silent elsewhere."""

    def __init__(self, label: str, total: int) -> None:
        self._label = label
        self._total = total
        self._done = 0
        self._is_shown = sys.stderr.isatty()

    def __call__(self) -> None:
        self._done += 1
        if self._is_shown:
            share = self._done / max(1, self._total)
            bar = "█" * int(30 * share)
            sys.stderr.write(f"\r{self._label:<5} {bar:<30} {self._done}/{self._total} ")
            sys.stderr.flush()

    def end(self) -> None:
        if self._is_shown:
            sys.stderr.write("\r" + " " * 60 + "\r")


@asynccontextmanager
async def _own(plan: Plan, contestants: Sequence[Contestant]) -> AsyncIterator[None]:
    """This resolver as a process of its own, as long as the block runs."""
    mine = [each.server for each in contestants if each.name == OWN]
    if not mine:
        yield
        return
    command = [sys.executable, "-m", "resolver", "serve", "--beside"]
    for server in mine:
        command += ["--listen", _listen(server)]
    command += [] if plan.config is None else ["--config", plan.config]
    process = await trio.lowlevel.open_process(command)
    try:
        yield
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 5):
            process.terminate()
            await process.wait()


def _listen(server: Server) -> str:
    """An entry of `server.listen`."""
    where = endpoints.show((server.host, server.port))
    if server.transport is Transport.UDP:
        return where
    path = DOH_PATH if server.transport is Transport.HTTPS else ""
    return f"{server.transport.value}://{where}{path}"
