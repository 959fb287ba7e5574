"""What no type can say about `[local]` and `[[rewrite]]`: lines that are no records, names that are
none, zones that two tables claim."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from resolver.config import endpoints
from resolver.config.fault import Fault, each
from resolver.config.files import unlike, working_path
from resolver.config.holes import as_far_as_known
from resolver.config.local_text import bad_records, local_records
from resolver.protocol import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.config.schema import Config
    from resolver.config.schema_local import LocalZone, Rewrite
    from resolver.model import Name


def local_faults(config: Config) -> Iterator[Fault]:
    """Of the table, of each zone, of each two."""
    for look in (_records, _local_tags, _hosts_files, _domain, _private_reverse, _zones, _twice):
        yield from as_far_as_known(look)(config)


def _records(config: Config) -> Iterator[Fault]:
    yield from _lines("local.records", config.local.records)


def _local_tags(config: Config) -> Iterator[Fault]:
    yield from _tags("local.tags", config.local.tags, config)


def _hosts_files(config: Config) -> Iterator[Fault]:
    for text in config.local.hosts_files:
        yield from unlike("local.hosts_files", text, working_path(config, text), Path.is_file)


def _domain(config: Config) -> Iterator[Fault]:
    try:
        names.from_text(config.local.domain)
    except ValueError:
        yield Fault("local.domain", config.local.domain, 'a domain name such as "home.arpa"')


def _private_reverse(config: Config) -> Iterator[Fault]:
    router = config.local.private_reverse
    yield from each("local.private_reverse", (router,) if router else (), endpoints.askable)


def _zones(config: Config) -> Iterator[Fault]:
    for number, zone in enumerate(config.local.zone):
        yield from _zone(f"local.zone[{number}]", zone, config)


def rewrite_faults(config: Config) -> Iterator[Fault]:
    """Of each `[[rewrite]]`: names that are none, and rules that would be met again for ever."""
    seen: dict[Name, int] = {}
    for number, rule in enumerate(config.rewrite):
        yield from _rule(number, rule, seen)


@as_far_as_known
def _rule(number: int, rule: Rewrite, seen: dict[Name, int]) -> Iterator[Fault]:
    here = f"rewrite[{number}]"
    found: list[Name] = []
    for key, text in (("from", rule.from_), ("to", rule.to)):
        try:
            found.append(names.from_text(text))
        except ValueError as error:
            yield Fault(f"{here}.{key}", text, f'a name, or "*.eth" for all below: {error}')
    if len(found) == len(("from", "to")):
        yield from _rewrite(here, rule, *found)
        if found[0] in seen:
            other = f"rewrite[{seen[found[0]]}]"
            yield Fault(f"{here}.from", rule.from_, f"names of its own; {other} has them")
        seen[found[0]] = number


def _rewrite(here: str, rule: Rewrite, old: Name, new: Name) -> Iterator[Fault]:
    if not names.is_wildcard(new):
        return
    if not names.is_wildcard(old):
        yield Fault(f"{here}.to", rule.to, f"one name, for {rule.from_} is one")
        return
    old, new = names.parent(old), names.parent(new)
    if names.is_subdomain(new, old) and new != old:
        yield Fault(f"{here}.to", rule.to, f"names that are not below {rule.from_} again")


def _lines(key: str, text: str) -> Iterator[Fault]:
    for bad in bad_records(text):
        yield Fault(f"{key}: line {bad.number}", bad.text, bad.expected)


@as_far_as_known
def _zone(here: str, zone: LocalZone, config: Config) -> Iterator[Fault]:
    try:
        apex = names.from_text(zone.zone)
    except ValueError:
        yield Fault(f"{here}.zone", zone.zone, 'a domain name such as "home.arpa"')
        return
    wrong = list(_lines(f"{here}.records", zone.records))
    yield from wrong
    yield from _tags(f"{here}.tags", zone.tags, config)
    for record in () if wrong else local_records(zone.records):
        if not names.is_subdomain(record.owner, apex):
            owner = names.to_text(record.owner)
            yield Fault(f"{here}.records", owner, f"names in {zone.zone}; others go in [local]")
    if zone.mode == "nodefault" and zone.records:
        yield Fault(f"{here}.records", zone.records, '"": its servers are asked, as in any zone')


@as_far_as_known
def _tags(key: str, tags: tuple[str, ...], config: Config) -> Iterator[Fault]:
    known = {tag for view in config.view for tag in view.tags}
    for tag in tags:
        if tag not in known:
            yield Fault(key, tag, "a tag that a [[view]] has")


def _twice(config: Config) -> Iterator[Fault]:
    """A zone is given once for all clients, and once for each tag."""
    for (one, zone), (other, again) in combinations(enumerate(config.local.zone), 2):
        is_same = zone.zone.lower().rstrip(".") == again.zone.lower().rstrip(".")
        both = set(zone.tags) & set(again.tags)
        if is_same and (both or not (zone.tags or again.tags)):
            whom = f"tag {min(both)}" if both else "all"
            expected = f"a zone once for {whom}; local.zone[{one}] has it"
            yield Fault(f"local.zone[{other}].zone", again.zone, expected)
