"""What no type can say about `[[view]]` and `[[schedule]]`: who is in two at once, when is never.

A client is in one view. Two that could hold it with equal right are a mistake, which of the two
would win being anybody's guess; so is a span of time that never comes.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from resolver.config import endpoints
from resolver.config.fault import Fault, each
from resolver.config.holes import as_far_as_known
from resolver.config.spans import minute_of, span_of
from resolver.config.view_places import network_of, places, places_of
from resolver.limits import VIEW_COMBINATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.config.schema import Config
    from resolver.config.schema_views import Schedule, View


def view_faults(config: Config) -> Iterator[Fault]:
    """Of each table, and of each two."""
    wrong = [*_names(config), *_all(config)]
    yield from wrong
    if not wrong:
        yield from _overlaps(config)
        yield from _too_many(config)
    yield from _schedules(config)


@as_far_as_known
def _names(config: Config) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for number, view in enumerate(config.view):
        yield from _name(number, view, seen)


@as_far_as_known
def _name(number: int, view: View, seen: dict[str, int]) -> Iterator[Fault]:
    if not view.name or not view.name.isprintable():
        yield Fault(f"view[{number}].name", view.name, "a name")
    elif view.name in seen:
        expected = f"a name of its own; view[{seen[view.name]}] has it"
        yield Fault(f"view[{number}].name", view.name, expected)
    elif view.name == "default" and not view.is_everybody:
        expected = 'another name: "default" is who is in no view'
        yield Fault(f"view[{number}].name", view.name, expected)
    seen.setdefault(view.name, number)


@as_far_as_known
def _all(config: Config) -> Iterator[Fault]:
    for number, view in enumerate(config.view):
        for look in (_clients, _listen, _log, _tags):
            yield from as_far_as_known(look)(number, view, config)


def _clients(number: int, view: View, _: Config) -> Iterator[Fault]:
    yield from each(f"view[{number}].clients", view.clients, endpoints.network)


def _listen(number: int, view: View, config: Config) -> Iterator[Fault]:
    for text in view.listen:
        try:
            places_of(text, config.server.listen)
        except ValueError as error:
            yield Fault(f"view[{number}].listen", text, str(error))


def _log(number: int, view: View, config: Config) -> Iterator[Fault]:
    if view.log not in ("", "off") and not config.working_directory:
        yield Fault(f"view[{number}].log", view.log, "a working_directory to keep the log in")


def _tags(number: int, view: View, _: Config) -> Iterator[Fault]:
    for tag in view.tags:
        if not tag.strip():
            yield Fault(f"view[{number}].tags", tag, "a word")


# --- two views for one client ------------------------------------------------------------------


@as_far_as_known
def _overlaps(config: Config) -> Iterator[Fault]:
    for (_, one), (number, other) in combinations(enumerate(config.view), 2):
        shared = _shared(one, other, config)
        if shared is not None:
            key, what = shared
            expected = f"clients of its own: view {one.name} has the same with equal right"
            yield Fault(f"view[{number}].{key}", what, expected)


def _shared(one: View, other: View, config: Config) -> tuple[str, str] | None:
    """Key and value by which a client is in both with equal right; None if there is none."""
    if (bool(one.listen), bool(one.transports)) != (bool(other.listen), bool(other.transports)):
        return None  # the one that asks for more comes first
    theirs, listen = set(map(network_of, one.clients)), config.server.listen
    network = next((text for text in other.clients if network_of(text) in theirs), "")
    is_apart = (
        (bool(network) != bool(one.clients) or bool(one.clients) != bool(other.clients))
        or (one.transports and set(one.transports).isdisjoint(other.transports))
        or (one.listen and places(one, listen).isdisjoint(places(other, listen)))
    )
    if is_apart:
        return None
    if network:
        return "clients", network
    if other.listen:
        return "listen", other.listen[0]
    return ("transports", other.transports[0]) if other.transports else ("name", other.name)


@as_far_as_known
def _too_many(config: Config) -> Iterator[Fault]:
    """Each way to treat clients is a part of the packet cache."""
    ways = {(frozenset(view.tags), view.answer, view.serve_stale) for view in config.view}
    if len(ways) > VIEW_COMBINATIONS:
        expected = f"at most {VIEW_COMBINATIONS} combinations of tags and options in all views"
        yield Fault("view", len(ways), expected)


# --- times --------------------------------------------------------------------------------------


@as_far_as_known
def _schedules(config: Config) -> Iterator[Fault]:
    seen: dict[object, int] = {}
    for number, entry in enumerate(config.schedule):
        yield from _tag(number, entry, config)
        yield from _schedule(number, entry, seen)


@as_far_as_known
def _tag(number: int, entry: Schedule, config: Config) -> Iterator[Fault]:
    if entry.tag not in {tag for view in config.view for tag in view.tags}:
        yield Fault(f"schedule[{number}].tag", entry.tag, "a tag that a [[view]] has")


@as_far_as_known
def _schedule(number: int, entry: Schedule, seen: dict[object, int]) -> Iterator[Fault]:
    here = f"schedule[{number}]"
    wrong = list(_times(here, entry.from_, entry.to))
    if not entry.days:
        yield Fault(f"{here}.days", [], "one day at least")
    yield from wrong
    if wrong or not entry.days:
        return
    span = span_of(entry)
    if span in seen:
        expected = f"a time of its own: schedule[{seen[span]}] says the same"
        yield Fault(f"{here}.from", entry.from_, expected)
    seen.setdefault(span, number)


def _times(here: str, begin: str, end: str) -> Iterator[Fault]:
    found: list[int] = []
    for key, text in (("from", begin), ("to", end)):
        try:
            found.append(minute_of(text))
        except ValueError as error:
            yield Fault(f"{here}.{key}", text, str(error))
    if len(found) == len((begin, end)):
        if begin == "24:00":
            yield Fault(f"{here}.from", begin, 'a time of day such as "20:00"; "24:00" only ends')
        elif found[0] == found[1]:
            expected = f'another time than from = {begin!r}; a whole day is "00:00" to "24:00"'
            yield Fault(f"{here}.to", end, expected)


def view_advice(config: Config) -> Iterator[str]:
    """What works, but probably not as meant: one sentence each."""
    allowed = [endpoints.network(text) for text in config.server.allow_from]
    for view in config.view:
        networks = [endpoints.network(text) for text in view.clients]
        if view.answer == "allow" and (
            not networks or any(network.prefixlen == 0 for network in networks)
        ):
            yield (
                f"[[view]] {view.name} lets everybody ask whom it matches: an open resolver is "
                "used for attacks on others; name your own networks in clients"
            )
        for network in networks if not view.answer else ():
            if not any(
                network.version == wider.version and network.subnet_of(wider)  # type: ignore[arg-type]
                for wider in allowed
            ):
                yield (
                    f"[[view]] {view.name} has {network}, which server.allow_from has not: "
                    'those are refused unless the view says answer = "allow"'
                )
