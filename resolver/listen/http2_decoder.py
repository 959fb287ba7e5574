"""Header blocks of requests, read once: HPACK (RFC 7541), by hpack, for `http2_quick` and h2.

A client says the same again and again, in the same octets. What a block means depends on the table
of its connection only; so one that did not change the table, and found it as it is now, means what
it meant. A change forgets all. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from hpack import Decoder, HPACKError
from hpack.table import HeaderTable

from resolver.errors import drop_frames
from resolver.limits import HTTPS_HEADER_OCTETS, HTTPS_KNOWN_BLOCKS, HTTPS_KNOWN_OCTETS
from resolver.listen.http2_header import read_header

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hpack.struct import HeaderTuple

_LENGTH: Final = b"content-length"
_FAULTS: Final = (HPACKError, IndexError, TypeError, UnicodeDecodeError)  # as h2 expects them


class Head(NamedTuple):
    """What a header asks, where nothing is wrong with it. *length*: of the body, if it is told."""

    method: bytes
    target: bytes
    fields: dict[bytes, bytes]
    length: int | None


class _Table(HeaderTable):
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


class RememberingDecoder(Decoder):
    """hpack's, and what some blocks meant."""

    def __init__(self, max_header_list_size: int) -> None:
        super().__init__(max_header_list_size)
        self.header_table: _Table = _Table()
        self._known: dict[bytes, Head] = {}
        self._ahead: tuple[bytes, list[HeaderTuple] | Exception] | None = None

    def __repr__(self) -> str:
        return f"<RememberingDecoder {len(self._known)} blocks>"

    def decode(self, data: bytes, raw: bool = False) -> Iterable[HeaderTuple]:  # noqa: FBT001, FBT002
        """As hpack's; a block that `head_of` has read is not read twice."""
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
                self._known.clear()

    def head_of(self, block: bytes, body_octets: int) -> Head | None:
        """What *block* asks. None: it is for h2 to judge, to whom it has to be given next."""
        head = self._known.get(block)
        if head is not None:
            return head if head.length in (None, body_octets) else None
        generation = self.header_table.generation
        try:
            headers = self._plain(block, is_raw=True)
        except _FAULTS as error:
            drop_frames(error)
            self._ahead = block, error
            return None
        head = _read(headers)
        if head is None or head.length not in (None, body_octets):
            self._ahead = block, headers
            return None
        if self.header_table.generation == generation and len(block) <= HTTPS_KNOWN_OCTETS:
            if len(self._known) >= HTTPS_KNOWN_BLOCKS:
                self._known.clear()
            self._known[block] = head
        return head


def _read(headers: list[HeaderTuple]) -> Head | None:
    read = read_header(headers)
    if read is None or read[3] > HTTPS_HEADER_OCTETS:
        return None
    method, target, fields, _ = read
    if _LENGTH not in fields:
        return Head(method, target, fields, None)
    lengths = {value for name, value in headers if name == _LENGTH}
    told = lengths.pop()
    return None if lengths or not told.isdigit() else Head(method, target, fields, int(told))
