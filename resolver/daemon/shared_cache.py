"""What machines share, while the daemon runs: connected, asked, written to, left alone where it
fails.

Nothing here is on the path of a query that does not want it, and nothing here can end or stall the
daemon. A look-up has `valkey.timeout_ms`. SHARED_FAILURES that fail running, or a connection that
breaks, open the breaker: nobody asks until a connection made anew has said what time it is. What is
learnt goes there in batches, and waits meanwhile, as far as there is room.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import trio

from resolver.cache.shared import Shared
from resolver.cache.shared_level import Learnt, SharedLevel
from resolver.config.valkey_url import valkey_url
from resolver.daemon import shared_forgetting, valkey_client
from resolver.daemon.shared_asking import Asking, connect
from resolver.daemon.store_terms import basis_of, believes
from resolver.daemon.troubles import Trouble
from resolver.errors import SharedFailed
from resolver.limits import (
    JOINED_TURN,
    SHARED_BATCH,
    SHARED_CLOCK_SECONDS,
    SHARED_COMMIT_SECONDS,
    SHARED_FAILURES,
    SHARED_LOOKUPS_AT_ONCE,
    SHARED_RETRY_MAX_SECONDS,
    SHARED_RETRY_SECONDS,
    SHARED_WRITE_SECONDS,
)
from resolver.runtime.alarm import Alarm
from resolver.runtime.breaker import Breaker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence
    from contextlib import AbstractAsyncContextManager

    from resolver.cache.shared_level import Lookup
    from resolver.cache.store_forget import Meant
    from resolver.daemon.shared_terms import SharedTerms
    from resolver.daemon.valkey_client import ValkeyClient
    from resolver.daemon.wiring import Parts
    from resolver.model import Name

    Connect = Callable[[SharedTerms], AbstractAsyncContextManager[ValkeyClient]]

_log = logging.getLogger(__name__)
_LATE: Final = "no reply in time"
_OURS: Final = 1.5  # of the time that there is: by then it was not Redis that took it
_WEIGHT: Final = 0.125  # of the last look-up in what they take of late (RFC 6298 §2)


class SharedCache:
    """What *parts* share with other machines, as *terms* say. *tells*: says what is wrong.

    *connect*: tests have another one.
    """

    def __init__(
        self,
        terms: SharedTerms,
        parts: Parts,
        *,
        tells: bool = True,
        connect: Connect | None = None,
    ) -> None:
        config, clock = parts.config, parts.clock
        self.shared = Shared(
            terms.secret, clock, prefix=config.valkey.prefix,
            stale_s=config.cache.stale_max,
        )  # fmt: skip
        self.breaker = Breaker(
            failures=SHARED_FAILURES, least_s=SHARED_RETRY_SECONDS, most_s=SHARED_RETRY_MAX_SECONDS
        )
        self.where = str(valkey_url(config.valkey.url))
        self.took_s = 0.0
        self._trouble = Trouble(_log, tells=tells)
        self._terms = terms
        self._connect = connect or valkey_client.connected
        self._timeout_s = config.valkey.timeout_ms / 1000
        self._rng = parts.base.rng
        self._wanted: list[Lookup] = []
        self._is_wanted = trio.Event()
        self._is_learnt = trio.Event()
        self._learnt = Learnt(self.shared, self._note_learnt)
        self._broken = trio.Event()
        self._client: ValkeyClient | None = None
        self.why = ""  # it failed last
        self._in_vain = 0  # how often it has, running, since it was of use
        self._sending = trio.Lock()
        self._alarm = Alarm()
        self._parts = parts
        self._level = self._serve(parts)

    def __repr__(self) -> str:
        return f"<SharedCache {self.where}, {self.breaker.state.value}>"

    # --- whose caches --------------------------------------------------------------------------

    def serve(self, parts: Parts, meant: Meant | None = None) -> None:
        """Have *parts* look up here and tell what they learn, and those before no more.

        What these had learnt is sent still, unless it rests on something else, or is *meant* to be
        forgotten. After who keeps it on disk has done the same.
        """
        before, last = self._parts, self._level
        if before is not parts:
            connect(before, None, None)
        self._parts, self._level = parts, self._serve(parts)
        if last.basis != self._level.basis:
            self._learnt.waiting.clear()
        elif meant is not None:
            self._level.drop(meant)

    def _serve(self, parts: Parts) -> SharedLevel:
        memory = parts.memory
        level = SharedLevel(
            self.shared, basis_of(parts), rrsets=memory.rrsets, negatives=memory.negatives,
            delegations=parts.delegations, learnt=self._learnt, begin=self._want,
            is_open=self._is_open, believes=lambda: believes(parts),
        )  # fmt: skip
        self._learnt.beside = None if memory.second is None else memory.second.learnt
        connect(parts, Asking(level, lambda: self.took_s, self._alarm), self._learnt)
        return level

    def _is_open(self) -> bool:
        return self.breaker.is_closed

    def _note_learnt(self) -> None:
        self._is_learnt.set()

    def _want(self, lookup: Lookup) -> None:
        self._wanted.append(lookup)
        self._is_wanted.set()

    # --- the run -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Connect, and serve whoever asks; again after each failure, until cancelled."""
        while True:
            self.breaker.try_again()
            try:
                await self._one_life()
            except SharedFailed as error:
                self._break(str(error))
                self._in_vain += 1
                if self._in_vain > 1:  # a moment is nobody's trouble
                    self._tell(self.why)
            await trio.sleep(self.breaker.pause_s(self._rng))

    def _tell(self, why: str) -> None:
        self._trouble.note(
            why, f"nothing is shared by {self.where}", f"{self.where} is shared by again"
        )

    async def _one_life(self) -> None:
        """From connecting to the first failure. Raises SharedFailed."""
        self._broken = trio.Event()
        self.why = _LATE
        with trio.CancelScope(deadline=trio.current_time() + SHARED_WRITE_SECONDS) as starting:
            async with self._connect(self._terms) as client:
                await self._look_at_clock(client)
                await self._look_at_clock(client)  # again: now without connecting
                starting.deadline = float("inf")
                self._client = client
                self.breaker.close()
                try:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(self._alarm.run)
                        nursery.start_soon(self._look_up, client, nursery)
                        nursery.start_soon(self._send, client)
                        nursery.start_soon(self._keep_time, client)
                        await self._broken.wait()
                        nursery.cancel_scope.cancel()
                finally:
                    self._client = None
        raise SharedFailed(self.why)

    def _break(self, why: str) -> None:
        """It failed, for *why*: nobody asks from now on, or waits for what will not come."""
        self.why = why
        self.breaker.open()
        self._broken.set()
        wanted, self._wanted = self._wanted, []
        self._end(wanted)

    # --- looking up ----------------------------------------------------------------------------

    async def _look_up(self, client: ValkeyClient, nursery: trio.Nursery) -> None:
        while True:
            await self._is_wanted.wait()
            self._is_wanted = trio.Event()
            wanted, self._wanted = self._wanted, []
            for start in range(0, len(wanted), SHARED_LOOKUPS_AT_ONCE):
                some = wanted[start : start + SHARED_LOOKUPS_AT_ONCE]
                keys = [place.key for lookup in some for place in lookup.places]
                try:
                    reply = client.get(keys)
                except SharedFailed as error:
                    self._note_failure(error)
                    self._end(some)
                else:
                    nursery.start_soon(self._receive, reply, some)

    def _note_failure(self, error: SharedFailed) -> None:
        self.shared.failures += 1
        self._break(str(error))

    def _end(self, lookups: list[Lookup]) -> None:
        for lookup in lookups:
            lookup.level.end(lookup, width=JOINED_TURN)

    async def _receive(self, reply: Awaitable[Sequence[object]], lookups: list[Lookup]) -> None:
        """Take what comes for *lookups*. Never raises."""
        values: Sequence[object] = ()
        begun = trio.current_time()
        try:
            with trio.move_on_after(self._timeout_s):
                values = await reply
        except SharedFailed as error:
            self._note_failure(error)
        else:
            took_s = trio.current_time() - begun
            self.took_s += _WEIGHT * (took_s - self.took_s)
            if values:
                self._note_use()
                self._take(lookups, values)
            else:
                self.shared.timeouts += len(lookups)
                was_ours = took_s > self._timeout_s * _OURS  # who was late: this machine is busy
                if not was_ours and self.breaker.note_failure():
                    self._break(_LATE)
        finally:
            self._end(lookups)

    def _note_use(self) -> None:
        self.breaker.note_use()
        if self._in_vain:
            self._in_vain = 0
            self._tell("")

    def _take(self, lookups: list[Lookup], values: Sequence[object]) -> None:
        at, now = 0, self.shared.now()
        for lookup in lookups:
            count = len(lookup.places)
            lookup.level.take(lookup, values[at : at + count], now)
            at += count

    # --- sending -------------------------------------------------------------------------------

    async def _send(self, client: ValkeyClient) -> None:
        """Send what is learnt, in batches, as long as it is taken."""
        if self._learnt.waiting:
            self._is_learnt.set()
        while True:
            await self._is_learnt.wait()
            await trio.sleep(SHARED_COMMIT_SECONDS)
            self._is_learnt = trio.Event()
            while self._learnt.waiting:
                async with self._sending:
                    refused = await self._put(client)
                if refused:  # full, or a replica by now: no use in hurrying
                    await trio.sleep(SHARED_WRITE_SECONDS)

    async def _put(self, client: ValkeyClient) -> int:
        """Send one batch. How much of it was refused."""
        writes = self._level.writes(SHARED_BATCH, self.shared.now())
        if not writes:
            await trio.lowlevel.checkpoint()
            return 0
        refused = len(writes)
        try:
            with trio.move_on_after(SHARED_WRITE_SECONDS) as scope:
                refused = await client.put(writes)
            if scope.cancelled_caught:
                raise SharedFailed(_LATE)  # noqa: TRY301
        except SharedFailed as error:
            self.shared.failures += 1
            self.shared.dropped += len(writes)
            self._break(str(error))
            return len(writes)
        self.shared.refused += refused
        self.shared.written += len(writes) - refused
        return refused

    # --- its clock -----------------------------------------------------------------------------

    async def _keep_time(self, client: ValkeyClient) -> None:
        while True:
            await trio.sleep(SHARED_CLOCK_SECONDS)
            try:
                with trio.move_on_after(SHARED_WRITE_SECONDS) as scope:
                    await self._look_at_clock(client)
                if scope.cancelled_caught:
                    raise SharedFailed(_LATE)  # noqa: TRY301
                self._note_use()
            except SharedFailed as error:
                self._break(str(error))

    async def _look_at_clock(self, client: ValkeyClient) -> None:
        """What it says is of some moment between asking and its reply: of the first, so that what
        is read is older rather than younger than it is."""
        asked_at = self.shared.now()
        self.shared.offset_s = await client.time() - asked_at

    # --- forgetting ----------------------------------------------------------------------------

    async def forget(self, meant: Meant) -> int:
        """Delete what is *meant*, and what waits to be sent. How many keys. Raises SharedFailed."""
        self._level.drop(meant)
        client = self._client
        if client is None:
            raise SharedFailed(f"{self.where} cannot be reached")
        async with self._sending:
            return await shared_forgetting.forget(client, self.shared, meant)

    async def forget_places(self, places: Collection[tuple[Name, int]]) -> int:
        """Delete what is kept of these names and types. How many keys. Raises SharedFailed."""
        client = self._client
        if client is None:
            raise SharedFailed(f"{self.where} cannot be reached")
        keys = [self.shared.name_of(name, rtype) for name, rtype in places]
        async with self._sending:
            return await shared_forgetting.forget_keys(client, keys)

    # --- what is told of it ----------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """What was learnt and waits to be sent."""
        return len(self._learnt.waiting)

    def status(self) -> dict[str, Any]:
        """For people: where it is, how it is, and how far its clock is from ours."""
        shared = self.shared
        now, wall = shared.now(), self._parts.clock.wall()
        offset_s = shared.offset_s
        return {
            "where": self.where,
            "state": self.breaker.state.value,
            "trouble": "" if self.breaker.is_closed else self.why,
            "took_s": round(self.took_s, 6),
            "ahead_s": None if offset_s is None else round(now + offset_s - wall, 3),
            "waiting": self.waiting,
            **{name: getattr(shared, name) for name in Shared.COUNTS},
            "opened": self.breaker.opened,
        }
