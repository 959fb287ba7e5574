"""What is counted of response policy zones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from resolver.daemon.rpz_keeper import RpzKeeper
from resolver.policy.rpz import Rpzs
from resolver.telemetry.metrics import label

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.policy.rpz import Row
    from resolver.telemetry.metrics import Registry


class Base(Protocol):
    """`daemon.wiring.Base`, as far as it is looked at here."""

    @property
    def rpzs(self) -> Rpzs: ...


def count_rpz(registry: Registry, base: Callable[[], Base], keeper: RpzKeeper) -> None:
    """Add it all."""
    registry.count("rpz", Rpzs, lambda: [base().rpzs])
    registry.count("rpz", RpzKeeper, lambda: [keeper])

    def by_zone(read: Callable[[Row], float | None]) -> dict[str, float]:
        found = {label("zone", row.zone): read(row) for row in base().rpzs.rows()}
        return {label: value for label, value in found.items() if value is not None}

    registry.labelled(
        "rpz_triggers", "Triggers in force, by response policy zone.",
        lambda: by_zone(lambda row: row.triggers),
    )  # fmt: skip
    registry.labelled(
        "rpz_serial", "Serial in force, by response policy zone.",
        lambda: by_zone(lambda row: row.serial),
    )  # fmt: skip
    registry.labelled(
        "rpz_age_seconds", "Seconds since its source last confirmed it, by response policy zone.",
        lambda: by_zone(lambda row: row.age_s),
    )  # fmt: skip
