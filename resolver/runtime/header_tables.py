"""HPACK (RFC 7541), by hpack, for both ends of HTTP/2: what a block means, it means again.

Peers say the same again and again, in the same octets. What a block means depends on the table of
its direction only; so one that did not change the table, and found it as it is now, means what it
meant. A table tells when it changes, and then all is forgotten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hpack import Decoder, Encoder, HPACKError
from hpack.table import HeaderTable

from resolver.errors import drop_frames

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hpack.struct import HeaderTuple

FAULTS: Final = (HPACKError, IndexError, TypeError, UnicodeDecodeError)  # as h2 expects them


class CountingTable(HeaderTable):
    """Counts its changes."""

    def __init__(self) -> None:
        super().__init__()
        self.generation = 0

    def add(self, name: bytes, value: bytes) -> None:
        self.generation += 1
        super().add(name, value)

    @property
    def maxsize(self) -> int:
        return self._maxsize

    @maxsize.setter
    def maxsize(self, newmax: int) -> None:
        self.generation += 1
        HeaderTable.maxsize.fset(self, newmax)  # type: ignore[attr-defined]


class TableDecoder(Decoder):
    """hpack's, for who may read a block before h2 does: h2 does not read it twice then."""

    def __init__(self, max_header_list_size: int) -> None:
        super().__init__(max_header_list_size)
        self.header_table: CountingTable = CountingTable()
        self._ahead: tuple[bytes, list[HeaderTuple] | Exception] | None = None

    def decode(self, data: bytes, raw: bool = False) -> Iterable[HeaderTuple]:  # noqa: FBT001, FBT002
        """As hpack's; h2 calls it."""
        ahead, self._ahead = self._ahead, None
        if ahead is None or ahead[0] != data:
            return self._plain(data, is_raw=raw)
        if isinstance(ahead[1], Exception):
            raise ahead[1]
        return ahead[1]

    def _plain(self, data: bytes, *, is_raw: bool) -> list[HeaderTuple]:
        generation = self.header_table.generation
        try:
            return list(super().decode(data, raw=is_raw))
        finally:
            if self.header_table.generation != generation:
                self._forget()

    def _read(self, block: bytes) -> list[HeaderTuple] | None:
        """What *block* says; None: it is h2's to judge, and has to be given to it next."""
        try:
            return self._plain(block, is_raw=True)
        except FAULTS as error:
            drop_frames(error)
            self._ahead = block, error
            return None

    def _forget(self) -> None:
        """The table has changed."""


class RememberingEncoder(Encoder):
    """hpack's, and what it made of fields of which only the length of the body differs."""

    def __init__(self, fields: Sequence[tuple[bytes, bytes]]) -> None:
        super().__init__()
        self.header_table: CountingTable = CountingTable()
        self._fields = fields
        self._blocks: dict[int, bytes] = {}
        self._made_at = 0

    def __repr__(self) -> str:
        return f"<RememberingEncoder {len(self._blocks)} blocks>"

    def block_of(self, length: int) -> bytes:
        """The header of a message whose body has *length* octets."""
        table = self.header_table
        if table.generation != self._made_at:
            self._blocks.clear()
            self._made_at = table.generation
        block = self._blocks.get(length)
        if block is None:
            block = self.encode([*self._fields, (b"content-length", b"%d" % length)])
            if table.generation == self._made_at:
                self._blocks[length] = block
        return block
