"""The configuration that a scenario's head describes, as the document that a file would be.

Both roads take it from here: the pipeline in virtual time, and the daemon on real sockets.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from resolver.config.load import interpret
from tests.simulation.scenario_local import local_tables
from tests.simulation.scenario_policy import rpz_tables

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from resolver.config.schema import Config
    from tests.simulation.scenario_model import Head

    Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PAYLOAD = 4096
QUERY_TIMEOUT_S = 4.8
EVERYBODY = ("0.0.0.0/0", "::/0")


def config_of(head: Head, directory: Path, *, minimise: bool) -> Config:
    """The configuration itself. Raises ConfigError; hints and anchors lie in *directory*."""
    config, problems = interpret(document_of(head, directory, minimise=minimise), "scenario")
    if problems:
        raise problems[0]
    return config


def document_of(head: Head, directory: Path, *, minimise: bool) -> dict[str, Any]:
    """The tables of the file. Nothing is asked ahead of need; private addresses are servers."""
    anchors = directory / "anchors"
    anchors.write_text("".join(f"{anchor}\n" for anchor in head.trust_anchors))
    document: dict[str, Any] = {
        "working_directory": str(directory),
        "server": {
            "listen": ["127.127.0.1:53"],
            "allow_from": allowed(head.access),
            "udp_payload_size": PAYLOAD,
            "minimal_responses": True,
            "user": "",
        },
        "outgoing": {
            "udp_payload_size": PAYLOAD,
            "query_case_randomization": False,
            "do_not_query_localhost": True,
            "deny_private_addresses": False,
            "speculation": False,
        },
        "root": {"hints_file": hints_of(head, directory), "prime": False, "local": False},
        "resolution": {
            "qname_minimisation": minimise,
            "local_zones": False,
            "serve_stale": False,
            "prefetch": False,
            "query_timeout": QUERY_TIMEOUT_S,
        },
        "dnssec": {
            "validate": bool(head.trust_anchors),
            "trust_anchors_file": str(anchors) if head.trust_anchors else "",
            "builtin_root_anchor": False,
            "negative_trust_anchors": head.insecure,
            "sha1": True,
        },
        "cache": {},
    }
    for zone in head.zones:
        document.setdefault(zone.kind, []).append(zone.table())
    document |= local_tables(head.local)
    document["rpz"] = rpz_tables(head, directory)
    for name, tables in head.arrays.items():
        document.setdefault(name, []).extend(tables)
    for section, settings in head.settings.items():
        document.setdefault(section, {}).update(settings)
    return document


def hints_of(head: Head, directory: Path) -> str:
    """The path of the root hints, or "" for those that the program ships.

    The addresses are those of one root server, whose name a file may give.
    """
    if not head.root_addresses:
        return ""
    lines = [f". 3600000 IN NS {head.root_name}"]
    lines += [
        f"{head.root_name} 3600000 IN {'AAAA' if ':' in address else 'A'} {address}"
        for address in head.root_addresses
    ]
    path = directory / "root.hints"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def allowed(access: Iterable[tuple[str, str]]) -> list[str]:
    """The networks that may ask: everybody but the refused; the most specific word counts."""
    rules = [(ipaddress.ip_network(text), action) for text, action in access]
    found: list[Network] = [ipaddress.ip_network(text) for text in EVERYBODY]
    for network, action in sorted(rules, key=lambda rule: rule[0].prefixlen):
        found = [part for one in found for part in _without(one, network)]
        if action == "allow":
            found.append(network)
    return [str(network) for network in found]


def _without(one: Network, other: Network) -> Iterable[Network]:
    """What is left of *one* when *other*, which is no wider, is taken out."""
    if isinstance(one, ipaddress.IPv4Network) and isinstance(other, ipaddress.IPv4Network):
        return one.address_exclude(other) if other.subnet_of(one) else [one]
    if isinstance(one, ipaddress.IPv6Network) and isinstance(other, ipaddress.IPv6Network):
        return one.address_exclude(other) if other.subnet_of(one) else [one]
    return [one]
