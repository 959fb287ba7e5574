"""What a scenario's head says of local zones, tags and views, as data: see `scenario_local`."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class SaidZone:
    """A zone, its mode, and whose it is."""

    mode: str
    records: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


@dataclass(slots=True)
class SaidView:
    """A view clause. *is_first*: what it has not is looked for in the zones for all."""

    zones: dict[str, SaidZone] = field(default_factory=dict)
    records: list[str] = field(default_factory=list)
    is_first: bool = False


@dataclass(slots=True)
class LocalPolicy:
    """All that a head says of it; networks are as the file has them."""

    base: SaidView = field(default_factory=SaidView)
    views: dict[str, SaidView] = field(default_factory=dict)
    tags: dict[str, list[str]] = field(default_factory=dict)
    actions: dict[tuple[str, str], str] = field(default_factory=dict)
    data: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    members: dict[str, str] = field(default_factory=dict)
    opened: SaidView | None = None
