"""Tries of servers, told on the bus like all else, while somebody there wants to hear of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from resolver.upstream.server_events import Tried

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.telemetry.events import Bus


class Teller(Protocol):
    """What calls listeners with every try (`upstream.dispatcher.Dispatcher`)."""

    def on_event(self, listener: Callable[[Tried], None]) -> None: ...

    def off_event(self, listener: Callable[[Tried], None]) -> None: ...


def tell_on(bus: Bus, teller: Teller) -> None:
    """From now on; where nobody on *bus* listens, *teller* has no listener, and makes none."""
    is_told = False

    def change() -> None:
        nonlocal is_told
        is_wanted = Tried in bus.heard
        if is_wanted and not is_told:
            teller.on_event(bus.emit)
        elif is_told and not is_wanted:
            teller.off_event(bus.emit)
        is_told = is_wanted

    bus.on_change(change)
