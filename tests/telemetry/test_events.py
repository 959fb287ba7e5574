"""The bus: who listens hears, in order; nobody listening costs nothing."""

from __future__ import annotations

from resolver.telemetry.events import Bus


def test_an_event_reaches_every_listener_in_order() -> None:
    bus = Bus()
    heard: list[tuple[int, object]] = []
    bus.subscribe(lambda event: heard.append((1, event)))
    bus.subscribe(lambda event: heard.append((2, event)))
    bus.emit("x")
    assert heard == [(1, "x"), (2, "x")]


def test_a_bus_is_true_only_while_somebody_listens() -> None:
    bus = Bus()
    heard: list[object] = []
    assert not bus
    with bus.listening(heard.append):
        assert bus
        bus.emit(1)
    bus.emit(2)
    assert not bus
    assert heard == [1]
