"""resolver keys [KEY]: the keys of the configuration, their defaults, what they are for, and when a
change of them takes effect."""

from __future__ import annotations

import difflib
import re
import sys
import textwrap
from typing import TYPE_CHECKING, Final

from resolver.cli import tables

if TYPE_CHECKING:
    import argparse

UNKNOWN: Final = 2
_EFFECTS: Final = {
    "live": "live, at a reload",
    "reopen": "at a reload, which opens sockets and files anew where they differ",
    "restart": "at a restart",
}


def run(options: argparse.Namespace) -> int:
    """All of them as a table; one, or those of one section, in words."""
    if options.key is None:
        print(tables.keys_markdown())
        return 0
    wanted = re.sub(r"\[\d*\]", "", options.key).strip("[]").lower()  # "forward[0].zone" too
    known = {path_of(key): key for key in tables.key_entries()}
    found = [path for path in known if path == wanted or path.startswith(f"{wanted}.")]
    if not found:
        similar = [path for path in known if wanted in path.rpartition(".")[2]]
        close = similar or difflib.get_close_matches(wanted, known, n=1, cutoff=0.5)
        guess = f"; did you mean {' or '.join(close)}?" if close else ""
        print(f"resolver keys: there is no key {options.key!r}{guess}", file=sys.stderr)
        return UNKNOWN
    print("\n\n".join(_in_words(path, known[path]) for path in found))
    return 0


def path_of(key: tables.Key) -> str:
    """As a key is written in one word: "server.listen", "forward.zone"."""
    return f"{key.table.strip('[]')}.{key.name}".lstrip(".")


def _in_words(path: str, key: tables.Key) -> str:
    default = "required" if key.default is None else f"default: {key.default}"
    where = f" (in a table [[{key.table.strip('[]')}]])" if key.table.startswith("[") else ""
    lines = (
        f"{key.purpose}{key.note}", default, f"allowed: {key.allowed}",
        f"takes effect: {_EFFECTS[key.effect]}",
    )  # fmt: skip
    told = (textwrap.fill(line, 78, initial_indent="  ", subsequent_indent="  ") for line in lines)
    return "\n".join([f"{path}{where}", *told])
