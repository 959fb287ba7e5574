"""The bus: who listens hears the kinds it wants, in order; nobody listening costs nothing."""

from __future__ import annotations

from typing import NamedTuple

from resolver.telemetry.events import Bus


class Rang(NamedTuple):
    bell: int


class Knocked(NamedTuple):
    door: int


def test_an_event_reaches_every_listener_in_order() -> None:
    bus = Bus()
    heard: list[tuple[int, object]] = []
    bus.subscribe(lambda event: heard.append((1, event)), Rang)
    bus.subscribe(lambda event: heard.append((2, event)), Rang, Knocked)
    bus.emit(Rang(7))
    bus.emit(Knocked(8))
    assert heard == [(1, Rang(7)), (2, Rang(7)), (2, Knocked(8))]


def test_a_kind_is_heard_only_while_somebody_listens() -> None:
    bus = Bus()
    heard: list[object] = []
    assert not bus
    with bus.listening(heard.append, Rang):
        assert Rang in bus.heard
        assert Knocked not in bus.heard
        bus.emit(Rang(1))
    bus.emit(Rang(2))
    assert Rang not in bus.heard
    assert not bus
    assert heard == [Rang(1)]


def test_who_comes_and_goes_is_told_to_who_makes_events() -> None:
    bus = Bus()
    wanted: list[bool] = []
    bus.on_change(lambda: wanted.append(Rang in bus.heard))
    with bus.listening(print, Rang):
        pass
    assert wanted == [True, False]
