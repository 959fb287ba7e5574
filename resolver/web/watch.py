"""What the page shows, looked up in the daemon: each second while somebody looks, else seldom.

Once for all who look. What takes the token is asked for with that of a viewer who has it, and shown
to those who have, for a moment; the numbers of the day go into the timeline, whoever looks.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import trio

from resolver.limits import WEB_ROWS
from resolver.operate.numbers import Numbers, numbers
from resolver.web.asking import Away, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.operate.timeline import Minute, Timeline
    from resolver.web.asking import Daemon

    Reply = dict[str, Any]

_OPEN_S: Final = 1.0  # between two looks while somebody looks
_CLOSED_S: Final = 10.0
_STATUS_S: Final = 10.0
_WINDOW_S: Final = 300.0  # shares and times are of the last five minutes
_STEP_S: Final = 10.0
# Verbs that take the token or much work, and for how many seconds a reply is good.
KNOWN: Final = {"servers": 10.0, "zones": 5.0, "warm": 10.0, "lists show": 10.0}
_GIVEN: Final[dict[str, dict[str, object]]] = {"servers": {"by": "used", "most": WEB_ROWS}}
_MINUTE_S: Final = 60.0


class Watch:
    """*stats*, *status*: the newest replies, None before the first."""

    def __init__(self, daemon: Daemon, timeline: Timeline) -> None:
        self.stats: Reply | None = None
        self.status: Reply | None = None
        self.last: Numbers | None = None
        self.trouble = ""
        self.known: dict[str, Reply] = {}
        self.viewers = 0
        self._known_at: dict[str, float] = {}
        self._daemon = daemon
        self._timeline = timeline
        self._steps: deque[Reply] = deque(maxlen=int(_WINDOW_S / _STEP_S))
        self._tick = trio.Event()
        self._wanted = trio.Event()
        self._carried_s = 0.0
        self._looked_at = self._status_at = -_CLOSED_S
        self._looking = trio.Lock()

    def __repr__(self) -> str:
        return f"<Watch of {self.viewers} viewers>"

    @property
    def window(self) -> Numbers | None:
        """The last five minutes, or as much as there is."""
        if self.stats is None:
            return None
        whole_s = self.stats["up_s"]
        before = self._steps[0] if self._steps and whole_s > _STEP_S else None
        if before is self.stats:
            before = None
        return numbers(self.stats, before)

    def minutes(self) -> list[Minute | None]:
        """The last day."""
        return self._timeline.minutes(self.stats["at"]) if self.stats is not None else []

    @contextmanager
    def viewed(self) -> Iterator[None]:
        """Somebody looks, inside the block."""
        self.viewers += 1
        self._wanted.set()
        try:
            yield
        finally:
            self.viewers -= 1

    async def next(self) -> None:
        """Returns at the next look."""
        await self._tick.wait()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            async with self._looking:
                await self.look()
            self._tick.set()
            self._tick = trio.Event()
            self._wanted = trio.Event()
            with trio.move_on_after(_OPEN_S if self.viewers else _CLOSED_S):
                if self.viewers:
                    await trio.sleep_forever()
                await self._wanted.wait()

    async def look_now(self) -> None:
        """Look, unless that was just now."""
        async with self._looking:
            if trio.current_time() - self._looked_at >= _OPEN_S:
                await self.look()

    async def look(self) -> None:
        """Ask how it is now; what goes wrong is shown, and is over with the next look."""
        self._looked_at = trio.current_time()
        try:
            stats, status = await self._daemon.ask("stats"), await self._status()
        except (Away, Refusal) as error:
            self.trouble = str(error)
            return
        before, self.stats, self.status, self.trouble = self.stats, stats, status, ""
        if before is not None:
            self.last = numbers(stats, before)
            self._note(before, stats)
        if not self._steps or stats["at"] - self._steps[-1]["at"] >= _STEP_S:
            self._steps.append(stats)

    async def _status(self) -> Reply:
        """It takes the daemon ten times the work of the numbers, and changes seldom."""
        now = trio.current_time()
        if self.status is None or now - self._status_at >= _STATUS_S:
            self._status_at = now
            return await self._daemon.ask("status")
        return self.status

    def _note(self, before: Reply, now: Reply) -> None:
        found = numbers(now, before)
        watched_s = min(found.seconds, _MINUTE_S) + self._carried_s
        self._carried_s = watched_s % 1
        outage_s = round(_outage_s(before, now, found.seconds))
        self._timeline.note(now["at"], found.kinds, outage_s, int(watched_s))

    async def look_up(self, verb: str, token: str = "") -> Reply:
        """The reply of a verb of KNOWN, new enough. Raises Refusal, Away."""
        now = trio.current_time()
        if verb not in self.known or now - self._known_at[verb] >= KNOWN[verb]:
            given = _GIVEN.get(verb, {})
            self.known[verb] = await self._daemon.ask(verb, token=token, **given)
            self._known_at[verb] = now
        return self.known[verb]


def _outage_s(before: Reply, now: Reply, elapsed_s: float) -> float:
    """For how long of the time between the public tree, or another way that is whole again, was cut
    off. A forward that is dead for good is shown elsewhere."""
    gone_s = now["counters"].get("outage_seconds_total", 0) - before["counters"].get(
        "outage_seconds_total", 0
    )
    is_down = any(not reply["gauges"].get("link_up", 1) for reply in (before, now))
    is_over = not any(reply["gauges"].get("ways_cut_off", 0) for reply in (before, now))
    return min(max(gone_s, 0.0), elapsed_s) if is_down or is_over else 0.0
