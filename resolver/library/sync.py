"""`open_sync`: a resolver for programs without an event loop, and for their threads."""

from __future__ import annotations

import warnings
import weakref
from typing import TYPE_CHECKING, Self

from resolver.library import question as questions
from resolver.library.answer import Answer
from resolver.library.failures import checked
from resolver.library.settings import Settings
from resolver.library.thread import EngineThread

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address
    from types import TracebackType

    import dns.name

    from resolver.library.settings import Configuration, Zones
    from resolver.model import Question


class SyncResolver:
    """Made by `open_sync`. Any number of threads may use it at once.

    It has a thread of its own, which does not survive a fork: a child opens another.
    """

    def __init__(self, settings: Settings) -> None:
        self._thread = EngineThread(settings)
        self._thread.start()
        self._finalizer = weakref.finalize(self, _end, self._thread)
        try:
            self._thread.ready.result()
        except BaseException:  # Ctrl-C included
            self.close()
            raise

    def __repr__(self) -> str:
        return f"<SyncResolver {'open' if self._finalizer.alive else 'closed'}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        finalizer = getattr(self, "_finalizer", None)
        if finalizer is not None and finalizer.alive:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)

    def close(self) -> None:
        """End its thread. What other threads wait for raises Closed. Once is enough."""
        self._finalizer()

    def resolve(
        self,
        name: str | dns.name.Name,
        rdtype: str | int = "A",
        *,
        timeout: float | None = None,
        validate: bool = True,
    ) -> Answer:
        """The records of *name*, which may be waited for in *timeout* seconds.

        Raises ResolveError (NameNotFound, NoData, ServFail, Bogus), TimeoutError, BadQuestion,
        Closed. *validate* False takes what comes, DNSSEC or not.
        """
        return checked(self.ask(name, rdtype, timeout=timeout, validate=validate))

    def ask(
        self,
        name: str | dns.name.Name,
        rdtype: str | int = "A",
        *,
        timeout: float | None = None,
        validate: bool = True,
    ) -> Answer:
        """The same, where no records and failures are answers too: see `Answer.rcode`."""
        return self._ask(questions.question(name, rdtype), timeout, validate=validate)

    def resolve_address(
        self, address: str | IPv4Address | IPv6Address, *, timeout: float | None = None
    ) -> Answer:
        """The names of an address: its PTR records."""
        return checked(self._ask(questions.reverse(address), timeout, validate=True))

    def _ask(self, question: Question, timeout: float | None, *, validate: bool) -> Answer:
        future = self._thread.submit(question, validate=validate)
        try:
            return Answer(*future.result(timeout))
        finally:
            future.cancel()  # no more than a note that nobody waits


def _end(thread: EngineThread) -> None:
    """At `close`, at the resolver's own end, or at the program's."""
    thread.stop()
    thread.join()


def open_sync(
    config: Configuration | None = None, *, lab: bool | None = None, zones: Zones | None = None
) -> SyncResolver:
    """A resolver, open: use it in `with`, or `close` it.

    *config*: a Config, the path of a TOML file, or the same as a dict; None is the defaults. *lab*:
    answer from a simulated Internet that needs no network. *zones*: names of your own in it, zone
    file text by apex; implies the lab. Raises ConfigError.
    """
    return SyncResolver(Settings.of(config, lab=lab, zones=zones))
