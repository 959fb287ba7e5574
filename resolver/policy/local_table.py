"""Records by name, of one source: a hosts file, a lease file, lines of the configuration.

A name of a hosts file is one entry in a dict: what is the same at many names (a list has 100,000
times 0.0.0.0) is one object. Names for addresses (PTR) are made as addresses come; the first name
of an address is the one. Never changed once it is in use; `drained` frees one in slices, for
freeing 100,000 entries at once stalls the loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from resolver.limits import LOCAL_SLICE_LINES, LOCAL_TTL_SECONDS
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.message import RRset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.protocol.names import Name

    # (type, TTL, rdatas), each type once: the records of a name, without the name.
    Records = tuple[tuple[int, int, tuple[bytes, ...]], ...]

_V4: Final = 4
_IN_ADDR: Final = names.from_text("in-addr.arpa")
_IP6: Final = names.from_text("ip6.arpa")
_OCTETS: Final = tuple(bytes((len(text),)) + text for text in (b"%d" % one for one in range(256)))
_NIBBLES: Final = tuple(b"\1%x" % one for one in range(16))
_NO_HOST: Final = (bytes(4), bytes(16), bytes(15) + b"\1")


class Table:
    """Records by name. *roots*: zones in which it matters that a name without records has some
    below it (an empty non-terminal, RFC 8020)."""

    def __init__(self, roots: tuple[Name, ...] = ()) -> None:
        self.names: dict[Name, Records] = {}
        self.empty: set[Name] = set()
        self.has_wildcards = False
        self._roots = roots
        self._shared: dict[Records, Records] = {}

    def __repr__(self) -> str:
        return f"<Table of {len(self.names)} names>"

    def add(self, owner: Name, rtype: int, rdata: bytes, ttl: int = LOCAL_TTL_SECONDS) -> None:
        """One record more. Records of one name and type have the TTL of the first."""
        before = self.names.get(owner, ())
        if not before:
            self._note_empty(owner)
            self.has_wildcards = self.has_wildcards or names.is_wildcard(owner)
        found: Records
        for at, (known, its_ttl, rdatas) in enumerate(before):
            if known == rtype:
                if rdata in rdatas:
                    return
                found = (*before[:at], (known, its_ttl, (*rdatas, rdata)), *before[at + 1 :])
                break
        else:
            found = (*before, (rtype, ttl, (rdata,)))
        if rdata in _NO_HOST:
            found = self._shared.setdefault(found, found)
        self.names[owner] = found

    def add_pointer(self, address: bytes, owner: Name, ttl: int = LOCAL_TTL_SECONDS) -> None:
        """The name of *address*, unless it has one, or is nobody's."""
        if address in _NO_HOST or (len(address) == _V4 and address[0] in (0, 127)):
            return
        reverse = reverse_name(address)
        if all(rtype != RRType.PTR for rtype, _, _ in self.names.get(reverse, ())):
            self.add(reverse, RRType.PTR, owner, ttl)

    def whole(self) -> Table:
        """Itself, once all is in it."""
        self._shared.clear()
        if self.has_wildcards:
            self._note_below_wildcards()
        return self

    def _note_below_wildcards(self) -> None:
        """A wildcard does not stand for a name that has others below it (RFC 4592 §2.2.2)."""
        tops = {names.parent(owner) for owner in self.names if names.is_wildcard(owner)}
        for owner in self.names:
            between: list[Name] = []
            for above in names.ancestors(names.parent(owner)):
                if above in tops:
                    self.empty.update(between)
                between.append(above)

    def _note_empty(self, owner: Name) -> None:
        if owner.endswith(self._roots):
            above = names.parent(owner)
            while above not in self.empty and above.endswith(self._roots) and above != names.ROOT:
                self.empty.add(above)
                above = names.parent(above)


def drained(table: Table) -> Iterator[None]:
    """Free what *table* holds, a slice a step."""
    held = table.names
    while held:
        for _ in range(min(LOCAL_SLICE_LINES, len(held))):
            held.popitem()
        yield
    table.empty.clear()


def rrsets(owner: Name, records: Records, qtype: int) -> tuple[RRset, ...]:
    """The sets of *records* that a question for *qtype* gets: that type's, all for ANY."""
    return tuple(
        RRset(owner, rtype, ttl, rdatas)
        for rtype, ttl, rdatas in records
        if qtype in (rtype, RRType.ANY)
    )


def reverse_name(address: bytes) -> Name:
    """Where names for raw *address* are: RFC 1035 §3.5, RFC 3596 §2.5."""
    if len(address) == _V4:
        return b"".join([_OCTETS[octet] for octet in reversed(address)]) + _IN_ADDR
    halves = [_NIBBLES[octet & 15] + _NIBBLES[octet >> 4] for octet in reversed(address)]
    return b"".join(halves) + _IP6
