"""Root hints: a small zone file → (name, address) of each root server, in the order of the file.

Read by a few lines of our own: a start must not wait for a zone file library. Understood are owner,
optional TTL and class in either order, NS, A and AAAA, comments, and an owner left out; no
parentheses, no $INCLUDE. Addresses without an NS record are not root servers, and ignored.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from resolver.config import endpoints
from resolver.errors import ConfigError, unusable_file
from resolver.protocol import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.model import Name

FILE_NAME = "root.hints"
_CLASSES = frozenset({"IN"})
_TYPES = frozenset({"NS", "A", "AAAA"})


class _Line(NamedTuple):
    owner: Name
    rtype: str
    rdata: str


def load(path: str | Path | None = None) -> list[tuple[Name, str]]:
    """Name and address of each root server of *path*, of the shipped file if None.

    Raises ConfigError where the file cannot be read or names no server with an address.
    """
    source = str(path) if path else FILE_NAME
    try:
        text = Path(path).read_text("utf-8-sig") if path else shipped()
    except OSError as error:
        raise unusable_file("root.hints_file", source, "a file to read", error) from None
    except UnicodeDecodeError:
        expected = "a file to read (it is not UTF-8 text)"
        raise ConfigError("root.hints_file", source, expected) from None
    return parse(text, source=source)


def shipped() -> str:
    """The text of the file that came with the program, from a wheel or from a source tree."""
    package = Path(__file__).resolve().parents[1]
    inside = package / FILE_NAME
    return (inside if inside.is_file() else package.parent / FILE_NAME).read_text("utf-8")


def parse(text: str, *, source: str = FILE_NAME) -> list[tuple[Name, str]]:
    """As `load`, from the text itself; *source* stands in messages."""
    return list(_parsed(text, source))


@lru_cache(maxsize=2)
def _parsed(text: str, source: str) -> tuple[tuple[Name, str], ...]:
    """Kept: the same file is read at each reload, twice, and hardly ever changes."""
    servers: dict[Name, list[str]] = {}
    known: dict[Name, list[str]] = {}
    for line in _lines(text, source):
        if line.rtype == "NS":
            if line.owner == names.ROOT:
                servers.setdefault(names.from_text(line.rdata), [])
        else:
            known.setdefault(line.owner, []).append(line.rdata)
    found = [(name, host) for name in servers for host in known.get(name, ())]
    if not found:
        raise ConfigError("root.hints_file", source, "an NS record of the root with an address")
    return tuple(found)


def _lines(text: str, source: str) -> Iterator[_Line]:
    owner = names.ROOT
    for number, raw in enumerate(text.splitlines(), start=1):
        fields = raw.partition(";")[0].split()
        if not fields or fields[0].startswith("$"):
            continue
        try:
            if not raw[0].isspace():
                owner = names.from_text(fields.pop(0))
            yield _record(owner, fields)
        except ValueError as error:
            where = f"root.hints_file: {source} line {number}"
            raise ConfigError(where, raw.strip(), str(error)) from None


def _record(owner: Name, fields: list[str]) -> _Line:
    while fields and (fields[0].isdigit() or fields[0].upper() in _CLASSES):
        fields.pop(0)
    try:
        rtype, rdata = fields
    except ValueError:
        raise ValueError("owner, TTL, type and one value") from None
    rtype = rtype.upper()
    if rtype not in _TYPES:
        raise ValueError("records of type NS, A and AAAA")
    if rtype == "NS":
        names.from_text(rdata)
        return _Line(owner, rtype, rdata)
    host = endpoints.address(rdata)
    if (":" in host) != (rtype == "AAAA"):
        raise ValueError("an IPv4 address after A, an IPv6 address after AAAA")
    return _Line(owner, rtype, host)
