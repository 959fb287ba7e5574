"""`open`: one spelling for trio and asyncio. Which of them runs is seen when it is entered."""

from __future__ import annotations

import logging
import warnings
import weakref
from typing import TYPE_CHECKING, Protocol, Self

import trio

from resolver.library import question as questions
from resolver.library.answer import Answer
from resolver.library.engine import Found, closed, opened, sole
from resolver.library.failures import checked
from resolver.library.settings import Settings
from resolver.library.thread import EngineThread

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address
    from types import TracebackType

    import dns.name

    from resolver.library.engine import Engine
    from resolver.library.settings import Configuration, Zones
    from resolver.model import Question

_log = logging.getLogger(__name__)


class Door(Protocol):
    """The way to an engine from one kind of event loop."""

    async def open(self) -> None:
        """Start it. Raises what keeps it from starting, and has left nothing behind then."""

    async def ask(self, question: Question, *, validate: bool) -> Found:
        """Raises Closed."""

    async def aclose(self) -> None:
        """End it, whatever the caller's own fate."""


class TrioDoor:
    """The engine in the caller's own trio run: no thread.

    It lives in a system task, not in a nursery around the caller's block, so that what the block
    raises comes out of it as it is, and not in an exception group.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine: Engine | None = None
        self._fault: Exception | None = None
        self._started = trio.Event()
        self._stop = trio.Event()
        self._ended = trio.Event()

    async def open(self) -> None:
        trio.lowlevel.spawn_system_task(self._live)
        try:
            await self._started.wait()
        except BaseException:
            await self.aclose()
            raise
        if self._fault is not None:
            raise self._fault

    async def ask(self, question: Question, *, validate: bool) -> Found:
        if self._engine is None:
            raise closed() from self._fault
        found = self._engine.at_once(question, validate=validate)
        if found is not None:
            await trio.lowlevel.checkpoint()
            return found
        delivered: list[Found | Exception] = []
        arrived = trio.Event()

        def deliver(found: Found | Exception) -> None:
            delivered.append(found)
            arrived.set()

        self._engine.start(question, validate, deliver)
        await arrived.wait()
        if isinstance(delivered[0], Exception):
            raise delivered[0]
        return delivered[0]

    async def aclose(self) -> None:
        self._stop.set()
        with trio.CancelScope(shield=True):
            await self._ended.wait()

    async def _live(self) -> None:
        try:
            async with opened(self._settings) as engine:
                self._engine = engine
                self._started.set()
                await self._stop.wait()
        except Exception as error:  # noqa: BLE001  # raised in the task that opens or asks
            self._fault = sole(error)
            if self._engine is not None:
                _log.error("the resolver ended by a fault of ours", exc_info=error)
        finally:
            self._engine = None
            self._started.set()
            self._ended.set()


class AsyncioDoor:
    """The engine in a thread of its own, which lasts as long as the resolver is open."""

    def __init__(self, settings: Settings) -> None:
        self._thread = EngineThread(settings)
        weakref.finalize(self, self._thread.stop)  # where nobody closes it, and as Python ends

    async def open(self) -> None:
        from asyncio import wrap_future  # noqa: PLC0415  # the caller has it; trio's users need not

        self._thread.start()
        try:
            await wrap_future(self._thread.ready)
        except BaseException:
            await self.aclose()
            raise

    async def ask(self, question: Question, *, validate: bool) -> Found:
        from asyncio import wrap_future  # noqa: PLC0415  # see above

        return await wrap_future(self._thread.submit(question, validate=validate))

    async def aclose(self) -> None:
        """A cancellation that comes meanwhile is told afterwards: closing takes milliseconds."""
        from asyncio import CancelledError, wrap_future  # noqa: PLC0415  # see above

        self._thread.stop()
        cancelled: CancelledError | None = None
        while not self._thread.ended.done():
            try:
                await wrap_future(self._thread.ended)
            except CancelledError as error:
                cancelled = error
        self._thread.join()
        if cancelled is not None:
            raise cancelled


class Resolver:
    """Resolves names from the root, in this process: `async with` it, under trio or asyncio.

    *config*: a Config, the path of a TOML file, or the same as a dict; None is the defaults. *lab*:
    answer from a simulated Internet that needs no network. *zones*: names of your own in it, zone
    file text by apex; implies the lab. Raises ConfigError, here or when it is entered.
    """

    def __init__(
        self,
        config: Configuration | None = None,
        *,
        lab: bool | None = None,
        zones: Zones | None = None,
    ) -> None:
        self._settings = Settings.of(config, lab=lab, zones=zones)
        self._door: Door | None = None

    def __repr__(self) -> str:
        return f"<Resolver {'closed' if self._door is None else 'open'}>"

    def __del__(self) -> None:
        if getattr(self, "_door", None) is not None:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)

    async def __aenter__(self) -> Self:
        if self._door is not None:
            raise RuntimeError("this resolver is open already")
        kind = TrioDoor if trio.lowlevel.in_trio_task() else AsyncioDoor
        door = kind(self._settings)
        await door.open()
        self._door = door
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close it. What others wait for raises Closed."""
        if self._door is not None:
            door, self._door = self._door, None
            await door.aclose()

    async def resolve(
        self, name: str | dns.name.Name, rdtype: str | int = "A", *, validate: bool = True
    ) -> Answer:
        """The records of *name*.

        Raises ResolveError (NameNotFound, NoData, ServFail, Bogus), BadQuestion, Closed. How long
        it may take is the caller's cancel scope and `resolution.query_timeout`, 10 s. *validate*
        False takes what comes, DNSSEC or not.
        """
        return checked(await self.ask(name, rdtype, validate=validate))

    async def ask(
        self, name: str | dns.name.Name, rdtype: str | int = "A", *, validate: bool = True
    ) -> Answer:
        """The same, where no records and failures are answers too: see `Answer.rcode`."""
        return await self._ask(questions.question(name, rdtype), validate=validate)

    async def resolve_address(self, address: str | IPv4Address | IPv6Address) -> Answer:
        """The names of an address: its PTR records."""
        return checked(await self._ask(questions.reverse(address), validate=True))

    async def _ask(self, question: Question, *, validate: bool) -> Answer:
        if self._door is None:
            raise closed()
        return Answer(*await self._door.ask(question, validate=validate))


def open_resolver(
    config: Configuration | None = None, *, lab: bool | None = None, zones: Zones | None = None
) -> Resolver:
    """`async with resolver.open() as r`: the arguments are those of `Resolver`."""
    return Resolver(config, lab=lab, zones=zones)
