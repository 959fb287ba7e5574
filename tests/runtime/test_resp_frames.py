"""Nothing reaches the library that reads RESP3 which it could not read safely."""

from __future__ import annotations

import pytest
from coredis.parser import NotEnoughData, Parser
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.limits import (
    SHARED_LINE_OCTETS,
    SHARED_REPLY_DEPTH,
    SHARED_REPLY_ITEMS,
    SHARED_REPLY_OCTETS,
    SHARED_VALUE_OCTETS,
)
from resolver.runtime.resp_frames import RespFrames

HELLO = b"%2\r\n$5\r\nproto\r\n:3\r\n$7\r\nmodules\r\n*0\r\n"
REPLIES = (
    b"+OK\r\n", b"-ERR no\r\n", b":5\r\n", b"_\r\n", b"#t\r\n", b",1.5\r\n", b"$-1\r\n", b"*-1\r\n",
    b"$0\r\n\r\n", b"$3\r\na\r\n\r\n", b"*0\r\n", b"*3\r\n$1\r\na\r\n_\r\n$2\r\n\r\n\r\n", HELLO,
    b"*2\r\n*1\r\n:1\r\n%1\r\n+a\r\n*1\r\n~1\r\n:2\r\n",
)  # fmt: skip


def _fed(data: bytes, *, asked: int = 1, size: int = 0) -> None:
    frames = RespFrames(lambda: asked)
    for start in range(0, len(data), size or len(data)):
        frames.feed_untrusted(data[start : start + (size or len(data))])


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("size", [0, 1, 3])
def test_whole_replies_pass_however_they_are_cut(reply: bytes, size: int) -> None:
    _fed(reply, size=size)
    with pytest.raises(WireError, match="nobody had asked"):
        _fed(reply, asked=0, size=size)
    _fed(reply[:-1], asked=0)  # it is not over


@pytest.mark.parametrize("reply", [b">2\r\n+invalidate\r\n_\r\n", b"|1\r\n+a\r\n+b\r\n:1\r\n",
                                   b"HTTP/1.1 400\r\n", b"\r\n", b"$x\r\n", b"$-2\r\n", b"*-9\r\n",
                                   b"+a\nb\r\n", b"$?\r\n", b"\x00\r\n"])  # fmt: skip
def test_pushes_attributes_and_garbage_end_the_connection(reply: bytes) -> None:
    with pytest.raises(WireError):
        _fed(reply)


@pytest.mark.reaches("SHARED_VALUE_OCTETS")
def test_a_value_that_is_too_large_is_refused_by_its_announcement() -> None:
    _fed(b"$%d\r\n" % SHARED_VALUE_OCTETS)
    with pytest.raises(WireError, match="too large"):
        _fed(b"$%d\r\n" % (SHARED_VALUE_OCTETS + 1))


@pytest.mark.reaches("SHARED_REPLY_OCTETS")
def test_a_reply_has_an_end() -> None:
    value = b"$1000\r\n" + bytes(1000) + b"\r\n"
    many = SHARED_REPLY_OCTETS // len(value)
    _fed(b"*8000\r\n" + value * (many - 1))
    with pytest.raises(WireError, match="too large"):
        _fed(b"*8000\r\n" + value * (many + 1))
    _fed((b"*1\r\n" + value) * (many + 2), asked=many + 2)  # many replies have


@pytest.mark.reaches("SHARED_REPLY_ITEMS")
def test_a_reply_of_too_many_values_is_refused_by_its_announcement() -> None:
    """Of all its lists together, and of one reply."""
    _fed(b"*%d\r\n" % SHARED_REPLY_ITEMS)
    half = SHARED_REPLY_ITEMS // 2
    for reply in (b"*%d\r\n" % (SHARED_REPLY_ITEMS + 1), b"%%%d\r\n" % (half + 1),
                  b"*2\r\n*%d\r\n" % (SHARED_REPLY_ITEMS - 1)):  # fmt: skip
        with pytest.raises(WireError, match="too many values"):
            _fed(reply)
    _fed((b"*%d\r\n" % half + b":1\r\n" * half) * 3, asked=3)


@pytest.mark.reaches("SHARED_LINE_OCTETS")
def test_a_line_has_an_end() -> None:
    _fed(b"+" + b"a" * (SHARED_LINE_OCTETS - 3) + b"\r\n")
    with pytest.raises(WireError, match="line"):
        _fed(b"+" + b"a" * (SHARED_LINE_OCTETS - 2) + b"\r\n")
    with pytest.raises(WireError, match="without end"):
        _fed(b"+" + b"a" * SHARED_LINE_OCTETS * 2, size=1000)


@pytest.mark.reaches("SHARED_REPLY_DEPTH")
def test_lists_in_lists_that_would_end_the_process_are_refused() -> None:
    """coredis 6.9 builds them all, and then hashes a key of a map by recursion in C."""
    _fed(b"*1\r\n" * SHARED_REPLY_DEPTH + b":1\r\n")
    for deep in (SHARED_REPLY_DEPTH + 1, 250_000):
        with pytest.raises(WireError, match="too deep"):
            _fed(b"%1\r\n" + b"*1\r\n" * deep + b":1\r\n:2\r\n")


@given(st.lists(st.sampled_from(REPLIES), max_size=5), st.integers(1, 20))
def test_it_counts_replies_as_the_library_does(replies: list[bytes], size: int) -> None:
    data = b"".join(replies)
    parser, read = Parser(), 0
    parser.feed(data)
    while not isinstance(parser.parse(), NotEnoughData):
        read += 1
    assert read == len(replies)
    if data:
        _fed(data, asked=len(replies), size=size)
        with pytest.raises(WireError):
            _fed(data, asked=0, size=size)


@given(st.binary(max_size=200))
def test_feed_untrusted(data: bytes) -> None:
    """Any octets: it returns, or raises WireError."""
    for size in (0, 1):
        try:
            _fed(data, size=size) if data else None
        except WireError:
            continue
