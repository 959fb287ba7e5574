"""Hosts files (hosts(5)) → a table: an address, then names, the canonical one first.

Lines that do not parse are counted, and the first BAD_LINES_SHOWN kept to be told; the rest counts.
Read in slices of LOCAL_SLICE_LINES, so that a file of 100,000 lines never holds up the loop. What
stands for this machine everywhere (`localhost` and its like) is not from here (`policy.local`).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.limits import BAD_LINES_SHOWN, LOCAL_SLICE_LINES
from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.policy.local_table import Table
    from resolver.protocol.names import Name

_MARK: Final = b"\xef\xbb\xbf"
_SIZES: Final = {size: bytes((size,)) for size in range(1, names.MAX_LABEL_OCTETS + 1)}
_LINE: Final = "an address and names"
_OURS: Final = frozenset(
    {
        b"localhost", b"localhost.localdomain", b"localhost4", b"localhost6", b"broadcasthost",
        b"ip6-localhost", b"ip6-loopback", b"ip6-localnet", b"ip6-mcastprefix", b"ip6-allnodes",
        b"ip6-allrouters", b"ip6-allhosts", b"localhost.localdomain4", b"localhost6.localdomain6",
        b"local",
    }
)  # fmt: skip


class BadLine(NamedTuple):
    """A line that does not parse: its number from 1 on, what it says, what is right."""

    number: int
    text: str
    expected: str


class BadLines:
    """How many lines did not parse, and the first of them."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[BadLine] = []

    def __bool__(self) -> bool:
        return bool(self.count)

    def note(self, number: int, line: bytes, expected: str) -> None:
        """One more."""
        self.count += 1
        if len(self.first) < BAD_LINES_SHOWN:
            text = line.strip()[:80].decode("utf-8", "replace")
            self.first.append(BadLine(number, text, expected))


def read_hosts_untrusted(octets: bytes, table: Table, bad: BadLines) -> Iterator[None]:
    """Add to *table* what stands in a hosts file, a slice a step. Never raises."""
    lines = octets.removeprefix(_MARK).splitlines()
    known: dict[bytes, bytes] = {}  # addresses: many lines have the same
    for number, line in enumerate(lines, start=1):
        if number % LOCAL_SLICE_LINES == 0:
            yield
        fields = line.partition(b"#")[0].split()
        if not fields:
            continue
        address = known.get(fields[0])
        try:
            if address is None:
                address = known[fields[0]] = _address(fields[0])
            if len(fields) == 1:
                raise ValueError(_LINE)  # noqa: TRY301
            _add(table, address, fields[1:])
        except ValueError as error:
            bad.note(number, line, str(error))


def _add(table: Table, address: bytes, texts: list[bytes]) -> None:
    rtype = RRType.A if len(address) == 4 else RRType.AAAA  # noqa: PLR2004
    canonical: Name | None = None
    for text in texts:
        if text.lower() in _OURS:
            continue
        owner = name_of(text)
        canonical = canonical or owner
        table.add(owner, rtype, address)
    if canonical is not None:
        table.add_pointer(address, canonical)


def _address(field: bytes) -> bytes:
    text = field.partition(b"%")[0].decode("ascii", "replace")
    try:
        return (IPv6Address(text) if ":" in text else IPv4Address(text)).packed
    except ValueError:
        raise ValueError("an address first") from None


def name_of(text: bytes) -> Name:
    """The name that *text* is, absolute with or without its last dot. Raises ValueError."""
    if not text.isascii():
        return _international(text)
    labels = text.removesuffix(b".").lower().split(b".")
    try:
        made = b"".join([_SIZES[len(label)] + label for label in labels]) + names.ROOT
    except KeyError:
        made = b""
    if not 0 < len(made) <= names.MAX_NAME_OCTETS:
        raise ValueError("a domain name after the address")
    return made


def _international(text: bytes) -> Name:
    try:
        return name_of(text.decode("utf-8").encode("idna"))
    except UnicodeError:
        raise ValueError("a domain name after the address") from None
