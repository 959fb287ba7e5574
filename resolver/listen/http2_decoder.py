"""Header blocks of requests, read once, for h2 and `http2_quick` (`runtime.header_tables`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.limits import HTTPS_HEADER_OCTETS, HTTPS_KNOWN_BLOCKS, HTTPS_KNOWN_OCTETS
from resolver.listen.http2_header import read_header
from resolver.runtime.header_tables import TableDecoder

if TYPE_CHECKING:
    from hpack.struct import HeaderTuple

_LENGTH: Final = b"content-length"


class Head(NamedTuple):
    """What a header asks, where nothing is wrong with it. *length*: of the body, if it is told."""

    method: bytes
    target: bytes
    fields: dict[bytes, bytes]
    length: int | None


class RememberingDecoder(TableDecoder):
    """hpack's, and what some blocks meant."""

    def __init__(self, max_header_list_size: int) -> None:
        super().__init__(max_header_list_size)
        self._known: dict[bytes, Head] = {}

    def __repr__(self) -> str:
        return f"<RememberingDecoder {len(self._known)} blocks>"

    def _forget(self) -> None:
        self._known.clear()

    def head_of(self, block: bytes, body_octets: int) -> Head | None:
        """What *block* asks. None: it is for h2 to judge, to whom it has to be given next."""
        head = self._known.get(block)
        if head is not None:
            return head if head.length in (None, body_octets) else None
        generation = self.header_table.generation
        headers = self._read(block)
        if headers is None:
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
