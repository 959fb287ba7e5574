"""What is told over HTTP on addresses of its own: numbers (`metrics.listen`), health
(`health.listen`). What is not told is not loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from resolver.daemon.health import Health, Judged
    from resolver.telemetry.http_page import Pages
    from resolver.telemetry.metrics import Registry


class Asked(Protocol):
    """The process, as far as its health is counted (`run.Daemon`)."""

    health: Health | None


def pages_of(daemon: Judged, key: str) -> Pages:
    """What is told at the address of *key*."""
    if key == "health.listen":
        from resolver.daemon.health_page import health_pages  # noqa: PLC0415  # where it is wanted

        return health_pages(health_of(daemon))
    from resolver.telemetry import scrape  # noqa: PLC0415  # likewise

    registry, slot = daemon.registry, daemon.slot
    return scrape.pages_of(registry if slot is None else slot.page(registry))


def health_of(daemon: Judged) -> Health:
    """That of *daemon*, from the first time that somebody asks."""
    if daemon.health is None:
        from resolver.daemon.health import Health  # noqa: PLC0415  # likewise

        daemon.health = Health(daemon)
    return daemon.health


def count_health(registry: Registry, daemon: Asked) -> None:
    """A gauge for each condition, while somebody asks for health."""
    registry.labelled(
        "health",
        "Whether a condition of health is met, and all that count (while somebody asks for it).",
        lambda: {} if daemon.health is None else daemon.health.gauges(),
    )
