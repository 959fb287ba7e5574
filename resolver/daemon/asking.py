"""Config → what stands between the walker and the servers it asks, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from resolver.daemon.zones import uses_root_copy
from resolver.iterate.observed import observed

if TYPE_CHECKING:
    from resolver.config.schema import Config
    from resolver.iterate.root_copy import RootCopy
    from resolver.iterate.zone_rate import ZoneRate
    from resolver.recurse.error_reports import ErrorReports
    from resolver.telemetry.events import Bus
    from resolver.upstream.infra import Infra
    from resolver.upstream.request import Ask

    class Shared(Protocol):
        """What of the process stands there (`wiring.Base`)."""

        @property
        def bus(self) -> Bus: ...
        @property
        def infra(self) -> Infra: ...
        @property
        def root_copy(self) -> RootCopy: ...
        @property
        def zone_rate(self) -> ZoneRate: ...


def asking_of(config: Config, shared: Shared, ask: Ask, reports: ErrorReports | None) -> Ask:
    """*ask* within the rate of a zone, told about, its replies heard, spared by a root copy."""
    ask = observed(shared.zone_rate.asking(ask), shared.bus, shared.infra.instance_of)
    if reports is not None:
        ask = reports.asking(ask)
    return shared.root_copy.asking(ask) if uses_root_copy(config) else ask
