"""Messages in a byte stream, however the octets arrive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.protocol.framing import Splitter, frame


@pytest.mark.rfc("RFC 7766 §8")
@given(st.lists(st.binary(max_size=40), max_size=8), st.lists(st.integers(1, 30), min_size=1))
def test_messages_come_out_as_they_went_in(messages: list[bytes], sizes: list[int]) -> None:
    """RFC 7766 §8: a reader must not assume that length and message come in one segment."""
    stream = b"".join(frame(message) for message in messages)
    splitter = Splitter()
    found = []
    at = turn = 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        found += splitter.feed(stream[at : at + size])
        at += size
        turn += 1
    assert found == messages
    assert not splitter.is_mid_message


def test_an_end_inside_a_message_shows() -> None:
    splitter = Splitter()
    assert splitter.feed(b"\0\5hel") == []
    assert splitter.is_mid_message
    assert splitter.pending_octets == 5
    assert splitter.feed(b"lo") == [b"hello"]
    assert not splitter.is_mid_message


def test_a_message_above_64_kib_cannot_be_framed() -> None:
    assert len(frame(bytes(65535))) == 65537
    with pytest.raises(ValueError, match="65536"):
        frame(bytes(65536))
