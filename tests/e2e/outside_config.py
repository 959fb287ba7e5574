"""The configuration file of a daemon under scenarios: what the head means, written as TOML."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.simulation.scenario_config import document_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.simulation.scenario_model import Head

DAEMON, DAEMON6 = "100.64.53.53", "fd53::53"


def write_config(head: Head, directory: Path, *, minimise: bool) -> Path:
    """resolver.toml with its hints and anchors, as the head of the file wants it."""
    document = document_of(head, directory, minimise=minimise)
    ours: dict[str, dict[str, object]] = {
        "outgoing": {"source_addresses": [DAEMON, DAEMON6]},
        "cache": {"clock": "realtime"},
        "log": {"destination": "stderr", "level": "warning"},
    }
    for section, settings in ours.items():
        document.setdefault(section, {}).update(settings)
    path = directory / "resolver.toml"
    path.write_text(toml_of(document))
    return path


def toml_of(document: Mapping[str, object]) -> str:
    """The file of a document: bare values first, then tables and arrays of tables."""
    lines = [
        f"{key} = {_value(value)}"
        for key, value in document.items()
        if not isinstance(value, (dict, list))
    ]
    for name, value in document.items():
        tables = value if isinstance(value, list) else [value]
        brackets = f"[[{name}]]" if isinstance(value, list) else f"[{name}]"
        for table in tables:
            if isinstance(table, dict):
                lines.append(brackets)
                lines += [f"{key} = {_value(one)}" for key, one in table.items()]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    """JSON is TOML for strings, numbers, booleans and lists of them."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_value(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value)
