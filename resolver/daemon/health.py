"""Whether this machine should attract traffic: looked at each second, while somebody asks.

Loaded where `health.listen` has an address, or somebody asks by the control socket. The first
worker judges: it asks its listeners a question each, hears what it knows of itself, and has the
others say the same of themselves; how long they take for it tells of their loops. All runs in the
loop that serves clients: where that hangs, nobody is answered, and whoever asks finds it silent.
"""

from __future__ import annotations

import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
import trio

from resolver.daemon.health_probes import Probes
from resolver.errors import ResolverError, drop_frames
from resolver.limits import (
    HEALTH_FALL,
    HEALTH_KEEP_SECONDS,
    HEALTH_LINK_SECONDS,
    HEALTH_LOOK_SECONDS,
    HEALTH_PROBE_SECONDS,
    HEALTH_RISE,
    HEALTH_WORKER_SECONDS,
)
from resolver.operate.health import HEALTH, HealthArguments
from resolver.operate.health_conditions import Condition, Facts, Hysteresis, Look, conditions, unmet
from resolver.operate.request import Request
from resolver.protocol.names import ROOT

if TYPE_CHECKING:
    from resolver.config.schema import Config
    from resolver.daemon.bind import ListeningSockets
    from resolver.daemon.listeners import Listeners
    from resolver.daemon.persistence import Persistence
    from resolver.daemon.wiring import Parts
    from resolver.operate.colleagues import Colleagues
    from resolver.operate.verb import Reply
    from resolver.telemetry.metrics import Registry
    from resolver.telemetry.shared_counters import Slot

_log = logging.getLogger(__name__)
_OWN: Final = Request(None, HEALTH, HealthArguments(own=True))
_UP, _LAST_RESORT = 1, 2  # of what a first worker leaves to its successor
_OLDEST_LOOK_S: Final = HEALTH_LOOK_SECONDS + HEALTH_PROBE_SECONDS + HEALTH_WORKER_SECONDS


class Asking(Protocol):
    """What leads to the other workers (`control.Control`)."""

    colleagues: Colleagues | None

    @property
    def started_at(self) -> float: ...


class Judged(Protocol):
    """The process, as far as it is judged (`run.Daemon`)."""

    parts: Parts
    sockets: ListeningSockets
    listeners: Listeners
    persistence: Persistence
    nursery: trio.Nursery
    is_first: bool
    registry: Registry
    slot: Slot | None
    health: Health | None

    @property
    def config(self) -> Config: ...

    @property
    def control(self) -> Asking: ...


class Health:
    """That of one process; of all of them, in the first worker."""

    def __init__(self, daemon: Judged) -> None:
        self._daemon = daemon
        self._probes = Probes(daemon)
        self._born_at = self._heard_at = trio.current_time()
        self._asked_at = -float("inf")
        self._heard: dict[int, tuple[Facts, float, float]] = {}  # when, and after how long
        self._asked: set[int] = set()
        self._found: dict[str, Condition] = {}
        said = daemon.slot.health if daemon.slot is not None and daemon.is_first else 0
        self._looked_at = self._born_at if said else -float("inf")
        self._verdict = Hysteresis(is_up=bool(said & _UP))
        self._last_resort = Hysteresis(is_up=bool(said & _LAST_RESORT))
        self._since = daemon.parts.clock.wall()
        self._has_looked = trio.Event()
        self._is_running = self._was_down = False

    def __repr__(self) -> str:
        return f"<Health {self._verdict!r}>"

    # --- what others hear ----------------------------------------------------------------------

    @property
    def is_watched(self) -> bool:
        """Does somebody send traffic elsewhere, if we say so?"""
        is_asked = trio.current_time() - self._asked_at < HEALTH_KEEP_SECONDS
        return is_asked or bool(self._daemon.config.health.listen)

    def begin(self) -> None:
        """Look from now on, as long as it is watched. Idempotent."""
        if not self._is_running:
            self._is_running = True
            self._daemon.nursery.start_soon(self._run)

    def own(self) -> Reply:
        """What this process says of itself."""
        self._asked_at = trio.current_time()
        reply: Reply = msgspec.to_builtins(self._facts())
        return reply

    async def told(self) -> Reply:
        """The verdict, after the first look."""
        self._asked_at = trio.current_time()
        self.begin()
        await self._has_looked.wait()
        return self.verdict()

    def verdict(self) -> Reply:
        """As of the last look; one that is too old is none."""
        found, age_s = dict(self._found), trio.current_time() - self._looked_at
        is_fresh = age_s <= _OLDEST_LOOK_S
        if not found:
            found["started"] = Condition(is_met=is_fresh, says="no look yet")
        elif not is_fresh:
            found["latency"] = Condition(is_met=False, says=f"the last look is {age_s:.0f} s old")
        is_up = self._verdict.is_up and is_fresh
        return {
            "is_healthy": is_up,
            "is_last_resort": self._last_resort.is_up and is_fresh,
            "since": round(self._since, 3),
            "reasons": [] if is_up else [*unmet(found)] or ["well again, but not for long yet"],
            "conditions": {name: condition._asdict() for name, condition in found.items()},
        }

    def gauges(self) -> dict[str, float]:
        """1 for each condition that is met, and for all that count, by label; none where nobody
        looks."""
        if not self._is_running:
            return {}
        found = {f'condition="{name}"': float(one.is_met) for name, one in self._found.items()}
        return {'condition="all"': float(self._verdict.is_up), **found}

    # --- looks ---------------------------------------------------------------------------------

    async def _run(self) -> None:
        """Until nobody watches."""
        try:
            async with trio.open_nursery() as nursery:
                due = trio.current_time()
                while self.is_watched:
                    self._ask_others(nursery)
                    await self._look(trio.current_time() - due)
                    due = max(due + HEALTH_LOOK_SECONDS, trio.current_time())
                    await trio.sleep_until(due)
                self._leave(0)  # by then it is old
                nursery.cancel_scope.cancel()
        finally:
            self._is_running = False
            self._has_looked = trio.Event()
            self._heard.clear()
            self._asked.clear()

    async def _look(self, late_s: float) -> None:
        facts = self._facts()
        sockets = self._daemon.sockets
        answers = {} if sockets.is_leaving or sockets.is_handed_on else await self._probes.look()
        if not self._has_looked.is_set():
            await self._hear_first()
        now = trio.current_time()
        late_s = max([late_s, *(after_s for _, _, after_s in self._fresh(now).values())])
        workers = {0: facts} | {number: heard[0] for number, heard in self._fresh(now).items()}
        lost = {number: now - self._last_word(number) for number in self._asked - workers.keys()}
        self._judge(Look(workers, lost, answers, late_s), now)

    def _judge(self, look: Look, now: float) -> None:
        stays = self._daemon.config.health.on_outage == "stay"
        self._found, self._looked_at = conditions(look, stays=stays), now
        bad = {name for name, one in self._found.items() if not one.is_met}
        is_missed = look.late_s >= HEALTH_FALL * HEALTH_LOOK_SECONDS  # so many looks were not made
        at_once = is_missed or "in_service" in bad
        if not self._has_looked.is_set():
            self._begin_with(bad, stays=stays)
        self._last_resort.note(bad <= {"link"}, at_once=at_once)
        reasons = [*unmet(self._found)]
        if self._verdict.note(not reasons, at_once=at_once):
            self._since = self._daemon.parts.clock.wall()
            self._tell(reasons)
        self._leave(_UP * self._verdict.is_up + _LAST_RESORT * self._last_resort.is_up)
        self._has_looked.set()

    def _leave(self, said: int) -> None:
        """To the worker that takes this one's place: that one has gone is no reason against the
        machine, and nor is it one for it."""
        if self._daemon.slot is not None and self._daemon.is_first:
            self._daemon.slot.health = said

    def _tell(self, reasons: list[str]) -> None:
        """That it should at the start is no news."""
        if reasons:
            _log.warning("this machine should not attract traffic: %s", "; ".join(reasons))
        else:
            level = logging.WARNING if self._was_down else logging.INFO
            _log.log(level, "this machine should attract traffic")
        self._was_down = bool(reasons)

    def _begin_with(self, bad: set[str], *, stays: bool) -> None:
        """Who asks for the first time of a daemon that has run for a while is told what is so."""
        up_s = self._daemon.parts.clock.wall() - self._daemon.control.started_at
        if up_s < HEALTH_RISE * HEALTH_LOOK_SECONDS:
            return
        self._last_resort = Hysteresis(is_up=bad <= {"link"})
        self._verdict = Hysteresis(is_up=not bad or (stays and bad == {"link"}))

    def _facts(self) -> Facts:
        daemon = self._daemon
        return Facts(
            has_started=daemon.persistence.are_notes_read.is_set(),
            is_leaving=daemon.sockets.is_leaving,
            missing=tuple(map(str, daemon.sockets.missing)),
            outage=self._outage(),
        )

    def _outage(self) -> str:
        """Why the way to the root, or to whom all is forwarded, is cut off; "" where it is not.

        Who has heard nothing for long asks: a machine without clients would not know.
        """
        parts, now = self._daemon.parts, trio.current_time()
        ways = parts.dispatcher.ways
        way = ways.of(parts.fixed.get(ROOT, parts.hints))
        if way.is_cut(now):
            return str(way.refusal(ROOT, now))
        if not parts.config.outgoing.metered:
            ways.doubt(way, now - HEALTH_LINK_SECONDS, now)
        return ""

    # --- the other workers -----------------------------------------------------------------------

    def _ask_others(self, nursery: trio.Nursery) -> None:
        others = self._daemon.control.colleagues
        if others is not None and not self._asked:
            self._heard_at = trio.current_time()
            self._asked.update(others)
            for number in others:
                nursery.start_soon(self._ask, others, number)

    async def _ask(self, others: Colleagues, number: int) -> None:
        """Each second, of one of them."""
        while True:
            began = trio.current_time()
            try:
                async with aclosing(others.items(number, _OWN)) as items:
                    said: Any = await anext(items)
                now = trio.current_time()
                self._heard[number] = msgspec.convert(said, Facts), now, now - began
            except (ResolverError, msgspec.ValidationError) as error:
                drop_frames(error)
            await trio.sleep_until(began + HEALTH_LOOK_SECONDS)

    async def _hear_first(self) -> None:
        """At the first look, give them the time that they have."""
        with trio.move_on_after(HEALTH_PROBE_SECONDS):
            while not self._heard.keys() >= self._asked:  # noqa: ASYNC110  # once, milliseconds
                await trio.sleep(HEALTH_PROBE_SECONDS / 100)

    def _fresh(self, now: float) -> dict[int, tuple[Facts, float, float]]:
        return {
            number: heard
            for number, heard in self._heard.items()
            if now - heard[1] <= HEALTH_WORKER_SECONDS
        }

    def _last_word(self, number: int) -> float:
        heard = self._heard.get(number)
        return self._heard_at if heard is None else heard[1]
