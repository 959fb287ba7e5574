"""Frame Streams: what we say a receiver understands, and what it says can do us no harm."""

from __future__ import annotations

import fstrm
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.limits import DNSTAP_CONTROL_OCTETS
from resolver.telemetry.frame_stream import (
    ACCEPT,
    CONTENT_TYPE,
    FINISH,
    READY,
    START,
    STOP,
    control_untrusted,
    length_untrusted,
)


def word(number: int) -> bytes:
    return number.to_bytes(4, "big")


ACCEPTS = word(ACCEPT) + word(1) + word(len(CONTENT_TYPE)) + CONTENT_TYPE


def test_our_frames_are_the_librarys() -> None:
    codec = fstrm.FstrmCodec()
    for ours, kind in (
        (READY, fstrm.FSTRM_CONTROL_READY),
        (START, fstrm.FSTRM_CONTROL_START),
    ):
        assert ours == codec.encode(kind, ct=[CONTENT_TYPE])
    assert codec.encode(fstrm.FSTRM_CONTROL_STOP) == STOP


def test_a_receiver_that_takes_ours_among_others_is_understood() -> None:
    assert control_untrusted(ACCEPTS) == ACCEPT
    assert control_untrusted(word(ACCEPT)) == ACCEPT  # takes anything
    assert control_untrusted(ACCEPTS + word(1) + word(3) + b"pcap"[:3]) == ACCEPT
    assert control_untrusted(word(FINISH)) == FINISH


@pytest.mark.parametrize(
    "body",
    [
        word(ACCEPT) + word(1) + word(4) + b"pcap",
        word(ACCEPT) + word(2) + word(0),
        word(ACCEPT) + word(1) + word(99) + b"short",
    ],
    ids=["another type", "another field", "cut short"],
)
def test_a_receiver_of_something_else_is_refused(body: bytes) -> None:
    with pytest.raises(WireError):
        control_untrusted(body)


@pytest.mark.reaches("DNSTAP_CONTROL_OCTETS")
def test_a_control_frame_has_a_bound() -> None:
    assert length_untrusted(word(0) + word(DNSTAP_CONTROL_OCTETS)) == DNSTAP_CONTROL_OCTETS
    for head in (
        word(0) + word(DNSTAP_CONTROL_OCTETS + 1),
        word(0) + word(3), word(1) + word(4), b"", word(0),
    ):  # fmt: skip
        with pytest.raises(WireError):
            length_untrusted(head)


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda more: ACCEPTS + more))
def test_control_untrusted_returns_or_raises_wire_error(body: bytes) -> None:
    for read in (control_untrusted, length_untrusted):
        try:
            assert read(body) >= 0
        except WireError:
            continue
