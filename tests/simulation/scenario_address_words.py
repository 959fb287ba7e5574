"""Words of a scenario's head about addresses in answers, and about translators."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.scenario_model import Head

WELL_KNOWN: Final = "64:ff9b::/96"
_ON: Final = frozenset({"on", "yes", "true"})


def _private_address(head: Head, value: str) -> None:
    """Which ranges a file names is no choice here: all that it may name are private anyway."""
    del value
    head.set("resolution", "rebinding", value=True)
    head.settings["resolution"].setdefault("rebinding_allow", [])


def _private_domain(head: Head, value: str) -> None:
    before = head.settings.get("resolution", {}).get("rebinding_allow")
    names = before if isinstance(before, list) else []
    head.set("resolution", "rebinding_allow", [*names, value])


def _prefix(section: str, key: str) -> Callable[[Head, str], None]:
    def put(head: Head, value: str) -> None:
        head.set(section, key, str(ipaddress.ip_network(value)))

    return put


def _nat64(head: Head, value: str) -> None:
    """Through the well-known prefix, unless the file gives another."""
    if value.lower() in _ON:
        head.settings.setdefault("outgoing", {}).setdefault("nat64", WELL_KNOWN)


ADDRESS_WORDS: Final = {
    "private-address": _private_address,
    "private-domain": _private_domain,
    "dns64-prefix": _prefix("dns64", "prefix"),
    "do-nat64": _nat64,
    "nat64-prefix": _prefix("outgoing", "nat64"),
}
