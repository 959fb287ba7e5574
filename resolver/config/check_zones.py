"""What no type can say of `[[forward]]` and `[[stub]]` alike: zones, each once, with servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.config import endpoints
from resolver.config.fault import Fault, each
from resolver.config.forwarders import forwarders_of
from resolver.config.holes import as_far_as_known
from resolver.config.schema import Forward
from resolver.protocol import names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resolver.config.schema import Config, Zone


def zone_faults(config: Config) -> Iterator[Fault]:
    """Of each table, and of all together."""
    seen: dict[bytes, str] = {}
    for kind, number, entry in (*_tables(config, "forward"), *_tables(config, "stub")):
        here = f"{kind}[{number}]"
        yield from _once(here, kind, entry, seen)
        if kind == "stub":
            yield from _addresses(here, entry)
        yield from _askable(here, entry, config)


@as_far_as_known
def _tables(config: Config, kind: str) -> Iterator[tuple[str, int, Zone]]:
    for number, entry in enumerate(getattr(config, kind)):
        yield kind, number, entry


@as_far_as_known
def _once(here: str, kind: str, entry: Zone, seen: dict[bytes, str]) -> Iterator[Fault]:
    try:
        zone = names.from_text(entry.zone)
    except ValueError:
        yield Fault(f"{here}.zone", entry.zone, 'a domain name such as "example.com"')
        return
    if zone in seen:
        yield Fault(f"{here}.zone", entry.zone, f"a zone once only; {seen[zone]} has it")
    seen[zone] = f"{kind} {entry.zone}"


@as_far_as_known
def _addresses(here: str, entry: Zone) -> Iterator[Fault]:
    if not entry.addresses:
        yield Fault(f"{here}.addresses", [], "at least one address")
    yield from each(f"{here}.addresses", entry.addresses, endpoints.askable)


@as_far_as_known
def _askable(here: str, entry: Zone, config: Config) -> Iterator[Fault]:
    hosts = hosts_of(entry)
    if hosts and not any(map(_families(config), hosts)):
        expected = "one address at least of a family that [outgoing] has not switched off"
        yield Fault(f"{here}.addresses", list(entry.addresses), expected)


def _families(config: Config) -> Callable[[str], bool]:
    outgoing = config.outgoing
    return lambda host: outgoing.ipv6 if ":" in host else outgoing.ipv4


def hosts_of(entry: Zone) -> list[str]:
    """The addresses that a table names; none if one of them is wrong, which is told elsewhere."""
    try:
        return [host for host, _ in servers_of(entry)]
    except ValueError:
        return []


def servers_of(entry: Zone) -> list[endpoints.Endpoint]:
    """Address and port of all that a table names. Raises ValueError."""
    if isinstance(entry, Forward):
        return [one.where for one in forwarders_of(entry)]
    return [endpoints.askable(text) for text in entry.addresses]
