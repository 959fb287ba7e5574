"""Remembered header blocks mean what hpack says they do, whatever becomes of the table."""

from __future__ import annotations

import pytest
from hpack import Decoder, Encoder, HPACKError
from hypothesis import given, settings
from hypothesis import strategies as st

from resolver.limits import HTTPS_HEADER_OCTETS, HTTPS_KNOWN_BLOCKS, HTTPS_KNOWN_OCTETS
from resolver.listen.http2_decoder import RememberingDecoder
from resolver.listen.http2_header import read_header
from tests.support import examples

Fields = list[tuple[str, str, bool]]

BASE: Fields = [(":method", "POST", False), (":scheme", "https", False), (":path", "/", False)]
BASE_BLOCK = b"\x83\x87\x84"
MOST = 2 * HTTPS_HEADER_OCTETS


def encoded(encoder: Encoder, *fields: tuple[str, str, bool]) -> bytes:
    return encoder.encode([*BASE, *fields])


def checked(ours: RememberingDecoder, plain: Decoder, block: bytes, *, size: int | None) -> None:
    """Give *block* to both; with a *size*, of a body, by the short way."""
    try:
        expected = list(plain.decode(block, raw=True))
    except (HPACKError, IndexError, TypeError, UnicodeDecodeError) as error:
        assert size is None or ours.head_of(block, size) is None
        with pytest.raises(type(error)):
            ours.decode(block, raw=True)
        return
    head = None if size is None else ours.head_of(block, size)
    if head is None:
        assert list(ours.decode(block, raw=True)) == expected
    else:
        read = read_header(expected)
        assert read is not None
        assert head[:3] == read[:3]
        lengths = {value for name, value in expected if name == b"content-length"}
        assert lengths <= {str(size).encode()}
    assert ours.header_table.dynamic_entries == plain.header_table.dynamic_entries
    assert ours.header_table_size == plain.header_table_size


UPDATES = (b"\x20", b"\x3f\x21", b"\x3f\xe1\x1f", b"\x3f\xe2\x1f")
"""Of the table's size: 0, 64, 4096, and one too many."""
PIECES = (
    b"\xbe", b"\xbf", b"\xc0",  # the newest entries
    b"\x53\1a", b"\x53\1b", b"\x7e\1c",  # accept, and the newest name, to be indexed
    b"\x5c\x0233", b"\x0f\x0d\x0233",  # content-length, to be indexed or not
    b"\x40\1x\x7f\x81\x0a" + bytes(1400), b"\x40\1x\x7f\xa1\x27" + bytes(5152),
)  # fmt: skip
blocks = st.one_of(
    st.sampled_from(PIECES[:5]).map(lambda piece: BASE_BLOCK + piece),
    st.sampled_from(PIECES).map(lambda piece: BASE_BLOCK + piece),
    st.tuples(st.sampled_from(UPDATES), st.sampled_from(PIECES)).map(
        lambda both: both[0] + BASE_BLOCK + both[1]
    ),
    st.binary(max_size=9),
)
steps = st.tuples(blocks, st.sampled_from([33, 33, 33, 34, None]))


@pytest.mark.rfc("RFC 7541 §4")
@settings(max_examples=examples(100))
@given(st.lists(steps, min_size=10, max_size=40))
def test_it_reads_as_hpack_does_untrusted(taken: list[tuple[bytes, int | None]]) -> None:
    """Additions, evictions, updates of the size, garbage; blocks said again after any of them."""
    ours, plain = RememberingDecoder(MOST), Decoder(MOST)
    for block in (BASE_BLOCK + b"\x53\1z", BASE_BLOCK + b"\x53\1y"):
        checked(ours, plain, block, size=None)
    for block, size in taken:
        for _ in range(2):
            checked(ours, plain, block, size=size)


def test_a_block_is_read_once_while_the_table_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, encoder = RememberingDecoder(MOST), Encoder()
    ours.decode(encoded(encoder), raw=True)
    reads: list[bytes] = []
    plain = Decoder.decode

    def counted(self: Decoder, data: bytes, raw: bool = False) -> object:  # noqa: FBT001, FBT002
        reads.append(data)
        return plain(self, data, raw)

    monkeypatch.setattr(Decoder, "decode", counted)
    block, changing = encoded(encoder), encoded(encoder, ("x-b", "2", False))
    again = encoded(encoder)
    for one in (block, block, changing, again, again):
        assert ours.head_of(one, 0) is not None
    assert reads == [block, changing, again]


def test_the_same_octets_mean_another_thing_in_another_table() -> None:
    ours = RememberingDecoder(MOST)
    newest = BASE_BLOCK + b"\xbe"
    for value in (b"a", b"b"):
        assert ours.head_of(BASE_BLOCK + b"\x53\1" + value, 0) is not None  # accept, to be indexed
        for _ in range(2):
            head = ours.head_of(newest, 0)
            assert head is not None
            assert head.fields == {b"accept": value}


@pytest.mark.parametrize(
    ("lengths", "size", "is_read"),
    [
        (["33"], 33, True), ([], 33, True), (["33", "33"], 33, True), (["34"], 33, False),
        (["33", "34"], 33, False), (["x"], 33, False), (["-33"], 33, False), (["+33"], 33, False),
    ],
)  # fmt: skip
def test_a_length_that_does_not_fit_is_for_h2_to_judge(
    lengths: list[str], size: int, *, is_read: bool
) -> None:
    block = encoded(Encoder(), *(("content-length", one, True) for one in lengths))
    assert (RememberingDecoder(MOST).head_of(block, size) is not None) is is_read


@pytest.mark.reaches("HTTPS_KNOWN_BLOCKS", "HTTPS_KNOWN_OCTETS")
def test_what_is_remembered_is_bounded() -> None:
    ours, encoder = RememberingDecoder(MOST), Encoder()
    ours.decode(encoded(encoder), raw=True)
    for number in range(HTTPS_KNOWN_BLOCKS):
        assert ours.head_of(encoded(encoder, ("x-a", str(number), True)), 0) is not None
    assert len(ours._known) == HTTPS_KNOWN_BLOCKS
    assert ours.head_of(encoded(encoder, ("x-a", "more", True)), 0) is not None
    assert len(ours._known) == 1
    long = encoded(encoder, ("x-a", "~" * HTTPS_KNOWN_OCTETS, True))
    assert ours.head_of(long, 0) is not None
    assert long not in ours._known


def test_of_two_lengths_neither_is_believed() -> None:
    head = [(b":method", b"POST"), (b":scheme", b"https"), (b":path", b"/dns-query")]
    length = (b"content-length", b"29")
    assert read_header([*head, length, length]) is not None
    assert read_header([*head, length, (b"content-length", b"30")]) is None
