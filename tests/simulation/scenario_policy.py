"""What a scenario's head says of policy: response policy zones and whom they are for.

Where there are such zones, three things are not as Unbound has them. AA is not compared: Unbound
sets it on what it rewrote, BIND and this resolver do not. Nor is a SOA that Unbound leaves out,
without which no client may keep a denial. And servers that the file has no word for may be asked:
Unbound looks at rules before it asks, here and in BIND they are looked at when the answer is there.
A query that no step checks is one that gets no answer: so such files say "drop".
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import TYPE_CHECKING

from resolver.policy.rpz_triggers import Prefix, labels_of
from tests.simulation.scenario_model import ConfiguredZone

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.simulation.scenario_match import Seen
    from tests.simulation.scenario_model import Entry, Head

_BY_ADDRESS = "response-ip"
_QUOTE = '"'
_SAME = ("nxdomain", "nodata", "passthru", "drop", "disabled")


def _setting(key: str) -> Callable[[Head, str], None]:
    def keep(head: Head, value: str) -> None:
        assert head.open_zone is not None
        head.open_zone.settings[key] = value.strip('"')

    return keep


def _name(head: Head, value: str) -> None:
    assert head.open_zone is not None
    head.open_zone.zone = value


def _override(head: Head, value: str) -> None:
    assert head.open_zone is not None
    if value in _SAME:
        head.open_zone.settings["override"] = value
    elif value != "cname":  # of which another word says where it leads
        raise ValueError(f"unknown action {value!r}")


def _alias(head: Head, value: str) -> None:
    assert head.open_zone is not None
    head.open_zone.settings["override"] = f"cname:{value}"


def _tags(head: Head, value: str) -> None:
    assert head.open_zone is not None
    head.open_zone.settings["tags"] = value.strip('"').split()


def by_address(head: Head, value: str) -> None:
    """`192.0.2.0/24 deny`: as a zone with a trigger on answers says it."""
    network, _, action = value.partition(" ")
    told = {"deny": "CNAME rpz-drop.", "always_nxdomain": "CNAME .", "redirect": ""}[action.strip()]
    if told:
        address_data(head, f"{network} {told}")


def address_data(head: Head, value: str) -> None:
    """`192.0.2.0/24 "A 10.0.0.1"`: what is told in the place of such addresses."""
    network, _, told = value.partition(" ")
    one = ipaddress.ip_network(network)
    labels = labels_of(Prefix(one.network_address.packed, one.prefixlen))
    if _BY_ADDRESS not in head.files:
        head.files[_BY_ADDRESS] = ["@ 3600 SOA . . 1 3600 3600 3600 3600"]
        zone = ConfiguredZone("rpz", _BY_ADDRESS)
        zone.settings["file"] = _BY_ADDRESS
        head.policies.append(zone)
    owner = b".".join(labels).decode()
    data = told.strip().strip(_QUOTE)
    head.files[_BY_ADDRESS].append(f"{owner}.rpz-ip 3600 {data}")


def compared(head: Head, entry: Entry, seen: Seen) -> tuple[Entry, Seen]:
    """What is compared with what, where there are policy zones: not AA, nor what only this resolver
    says beside a negative answer, for how long it counts. *seen* is changed."""
    if not head.policies:
        return entry, seen
    seen.message.authority[:] = [
        rrset for rrset in seen.message.authority if "nobody.invalid." not in rrset.to_text()
    ]
    return replace(entry, flags=entry.flags - {"AA"}), seen


def _no_effect(head: Head, value: str) -> None:
    del head, value


RPZ_WORDS: dict[str, Callable[[Head, str], None]] = {
    "name": _name,
    "zonefile": _no_effect,  # it stands in the head
    "rpz-action-override": _override,
    "rpz-cname-override": _alias,
    "rpz-log": _no_effect,
    "rpz-log-name": _no_effect,
    "rpz-signal-nxdomain-ra": lambda head, _: head.need("RA cleared where policy says NXDOMAIN"),
    "tags": _tags,
}


def rpz_tables(head: Head, directory: Path) -> list[dict[str, object]]:
    """The tables `[[rpz]]`; their files are written into *directory*."""
    tables: list[dict[str, object]] = []
    for zone in head.policies:
        file = str(zone.settings["file"])
        path = directory / f"{file}.zone"
        path.write_text("\n".join(head.files[file]) + "\n")
        tables.append({**zone.settings, "zone": zone.zone, "file": str(path)})
    return tables
