"""Local zones, tags and views of a scenario's head → `[[local.zone]]` and `[[view]]` tables.

The head speaks Unbound's words. There each client network has tags of its own, with other actions
and data for each tag; here that is a view with a tag of its own, and a zone for that tag. A view
without `view-first` sees none of the zones that are for all, so that those are for a tag, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from resolver.config.schema_local import Mode
from tests.simulation.local_policy import SaidView, SaidZone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.simulation.local_policy import LocalPolicy
    from tests.simulation.scenario_model import Head

    Word = Callable[[Head, str], None]

GLOBAL = "all"
MODES = get_args(Mode)
_WITH_DATA = {"block_a_wdata": "block_a", "block_aaaa_wdata": "block_aaaa"}
_TTL = 3600


def _unquoted(text: str) -> str:
    """*text* without the quotes round it, as far as `scenario_head` has left them there."""
    return text.strip()[1:-1] if text.strip().startswith("'") else text.strip().strip('"')


def _into(head: Head) -> SaidView:
    return head.local.opened or head.local.base


def local_zone(head: Head, value: str) -> None:
    name, mode = (part.strip('"') for part in value.rsplit(None, 1))
    mode = _WITH_DATA.get(mode, mode)
    if mode not in MODES:
        head.need(f"local zones of type {mode}")
    _into(head).zones[_absolute(name)] = SaidZone(mode)


def local_data(head: Head, value: str) -> None:
    _into(head).records.append(_with_ttl(_unquoted(value)))


def local_zone_tag(head: Head, value: str) -> None:
    name, *tags = value.replace('"', " ").split()
    _into(head).zones[_absolute(name)].tags += tags


def client_tag(head: Head, value: str) -> None:
    network, *tags = value.replace('"', " ").split()
    head.local.tags.setdefault(network, []).extend(tags)


def client_action(head: Head, value: str) -> None:
    network, tag, action = value.replace('"', " ").split()
    head.local.actions[network, tag] = action


def client_data(head: Head, value: str) -> None:
    network, tag, data = value.split(None, 2)
    head.local.data.setdefault((network, tag.strip('"')), []).append(_unquoted(data))


def client_view(head: Head, value: str) -> None:
    network, name = value.replace('"', " ").split()
    head.local.members[network] = name


def view_name(head: Head, value: str) -> None:
    head.local.opened = head.local.views.setdefault(value, SaidView())


def view_first(head: Head, value: str) -> None:
    _into(head).is_first = value == "yes"


VIEW_WORDS: dict[str, Word] = {
    "name": view_name,
    "view-first": view_first,
    "local-zone": local_zone,
    "local-data": local_data,
}
LOCAL_WORDS: dict[str, Word] = {
    "local-zone": local_zone,
    "local-data": local_data,
    "local-zone-tag": local_zone_tag,
    "define-tag": lambda _head, _value: None,
    "access-control-tag": client_tag,
    "access-control-tag-action": client_action,
    "access-control-tag-data": client_data,
    "access-control-view": client_view,
}


# --- tables ---------------------------------------------------------------------------------------


def local_tables(policy: LocalPolicy) -> dict[str, Any]:
    """`local` and `view` of the document; what is empty is left out."""
    is_split = bool(policy.views)
    zones = list(_zones(policy.base, [GLOBAL] if is_split else []))
    views: list[dict[str, Any]] = []
    for name, view in policy.views.items():
        zones = [*_zones(view, [f"view {name}"]), *zones]
        clients = [network for network, of in policy.members.items() if of == name]
        tags = [f"view {name}", *([GLOBAL] if view.is_first else [])]
        views.append({"name": name, "clients": clients, "tags": tags})
    for network, tags in policy.tags.items():
        own = list(_overrides(policy, network, tags))
        zones = [zone for _, zone in own] + zones
        every = [*(f"{tag}@{network}" for tag, _ in own), *dict.fromkeys(tags)]
        views.append({"name": network, "clients": [network], "tags": list(dict.fromkeys(every))})
    if is_split:
        views.append({"name": "others", "tags": [GLOBAL]})
    known = {tag for view in views for tag in view["tags"]}
    zones = [zone for zone in zones if not zone["tags"] or known & set(zone["tags"])]
    for zone in zones:
        zone["tags"] = [tag for tag in zone["tags"] if tag in known]
    tables: dict[str, Any] = {"view": views} if views else {}
    outside = _outside(policy.base)
    if zones or outside:
        tables["local"] = {"zone": zones, "records": "\n".join(outside)}
    return tables


def _zones(view: SaidView, tags: list[str]) -> Iterator[dict[str, Any]]:
    """The zones of *view*, each with the records that lie in it and in no closer one."""
    for name, zone in view.zones.items():
        records = [line for line in view.records if _home(line, view.zones) == name]
        said = list(dict.fromkeys(zone.tags)) or tags
        yield {"zone": name, "mode": zone.mode, "records": "\n".join(records), "tags": said}


def _outside(view: SaidView) -> list[str]:
    return [line for line in view.records if _home(line, view.zones) is None]


def _overrides(
    policy: LocalPolicy, network: str, tags: Iterable[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """For each tag of *network* with a word of its own, the zones of that tag as it has them."""
    for tag in dict.fromkeys(tags):
        action, data = policy.actions.get((network, tag)), policy.data.get((network, tag))
        if action is None and data is None:
            continue
        for name, zone in policy.base.zones.items():
            if tag in zone.tags:
                records = [_with_ttl(f"{name} {line}") for line in data or ()]
                mode = action or zone.mode
                own = [f"{tag}@{network}"]
                yield tag, {"zone": name, "mode": mode, "records": "\n".join(records), "tags": own}


def _home(line: str, zones: Iterable[str]) -> str | None:
    owner = _absolute(line.split(maxsplit=1)[0])
    found = [zone for zone in zones if zone == "." or f".{owner}".endswith(f".{zone}")]
    return max(found, key=len, default=None)


def _absolute(name: str) -> str:
    return name.strip().strip('"').lower().rstrip(".") + "."


def _with_ttl(line: str) -> str:
    """Unbound's TTL for what has none."""
    owner, *rest = line.split(maxsplit=1)
    tail = rest[0] if rest else ""
    return line if tail[:1].isdigit() else f"{owner} {_TTL} {tail}"
