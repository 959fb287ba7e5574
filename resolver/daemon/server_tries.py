"""What asking servers tells, told on the bus like all else, while somebody there wants to hear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from resolver.upstream.server_events import Crossed, InstanceChanged, Tried

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.telemetry.events import Bus


class Tapped(Protocol):
    """Who hears of every message (`upstream.taps.Taps`)."""

    listeners: list[Callable[[Crossed], None]]


class News(Protocol):
    """Who hears of other instances (`upstream.instance_news.InstanceNews`)."""

    listeners: list[Callable[[InstanceChanged], None]]


class Shared(Protocol):
    """What all of them share (`upstream.shared_knowledge.SharedKnowledge`)."""

    @property
    def instance_news(self) -> News: ...


class Teller(Protocol):
    """What calls listeners with every try and every message (`upstream.dispatcher.Dispatcher`)."""

    @property
    def taps(self) -> Tapped: ...

    @property
    def shared(self) -> Shared: ...

    def on_event(self, listener: Callable[[Tried], None]) -> None: ...

    def off_event(self, listener: Callable[[Tried], None]) -> None: ...


def tell_on(bus: Bus, teller: Teller) -> None:
    """From now on; where nobody on *bus* listens, *teller* has no listener, and makes none."""
    _tell(bus, Tried, teller.on_event, teller.off_event)
    _tell(bus, Crossed, teller.taps.listeners.append, teller.taps.listeners.remove)
    news = teller.shared.instance_news.listeners
    _tell(bus, InstanceChanged, news.append, news.remove)


def _tell(bus: Bus, kind: type, begin: Callable[[Any], None], end: Callable[[Any], None]) -> None:
    is_told = False

    def change() -> None:
        nonlocal is_told
        is_wanted = kind in bus.heard
        if is_wanted and not is_told:
            begin(bus.emit)
        elif is_told and not is_wanted:
            end(bus.emit)
        is_told = is_wanted

    bus.on_change(change)
