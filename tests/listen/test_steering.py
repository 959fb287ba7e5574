"""To which worker a question comes: the program, a model of it, and the kernel that runs it."""

from __future__ import annotations

import socket
import sys
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resolver.limits import STEERED_OCTETS, WORKERS_RANGE
from resolver.listen import steering
from resolver.protocol import names
from resolver.protocol.edns import Edns
from resolver.protocol.render import build_query
from tests import real_data
from tests.listen import bpf

if TYPE_CHECKING:
    from resolver.model import Name

RD = 0x0100
SALT = 0x1234_5678
_WORD = 0xFFFF_FFFF
_IN_ORDER = {number: number for number in range(WORKERS_RANGE[1])}
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="no other kernel has it")

labels = st.binary(min_size=1, max_size=63)
workers_counts = st.integers(2, WORKERS_RANGE[1])


@st.composite
def wire_names(draw: st.DrawFn) -> Name:
    """Any octets in labels, up to 255 in all."""
    name = b"\0"
    for label in draw(st.lists(labels, max_size=8)):
        if len(name) + len(label) < 255:
            name = bytes([len(label)]) + label + name
    return name


def query(
    name: Name, qtype: int = 1, *, number: int = 7, flags: int = RD, edns: bool = False
) -> bytes:
    return build_query(
        id=number, qname=name, qtype=qtype, flags=flags, edns=Edns(1232) if edns else None
    )


def owner(name: Name, workers: int, salt: int = SALT) -> int:
    """The model: whose *name* is."""
    octets = name.partition(b"\0")[0][:STEERED_OCTETS]
    if len(octets) % 4 or len(octets) < STEERED_OCTETS:
        octets = octets.ljust(len(octets) // 4 * 4 + 4, b"\0")
    found = salt
    for at in range(0, len(octets), 4):
        word = int.from_bytes(octets[at : at + 4], "big") | 0x2020_2020
        found = (found ^ word) * 0x9E37_79B1 & _WORD
        found ^= found >> 15
    return (found * 0x9E37_79B1 & _WORD) % (1 << 32) // (1 << 16) % workers


def spelled(name: Name, draw: st.DataObject) -> Name:
    """*name* with each letter in either case."""
    bits = draw.draw(st.integers(0, (1 << len(name)) - 1))
    return b"".join(
        name[at : at + 1].swapcase() if bits >> at & 1 else name[at : at + 1]
        for at in range(len(name))
    )


# --- the program ------------------------------------------------------------------------------


@given(wire_names(), workers_counts, st.integers(0, _WORD))
@example(b"\0", 2, 0)
def test_it_is_what_the_model_says(name: Name, workers: int, salt: int) -> None:
    places = {number: number for number in range(workers)}
    program = steering.program(workers, salt, places)
    assert bpf.run(program, query(name)) == owner(name, workers, salt)


@given(
    st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=63), st.data(),
    st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.booleans(),
)  # fmt: skip
def test_neither_spelling_nor_type_nor_id_nor_options_count(
    label: str,
    data: st.DataObject,
    number: int,
    qtype: int,
    edns: bool,  # noqa: FBT001
) -> None:
    name = names.from_text(f"www.{label}.example.")
    program = steering.program(7, SALT, _IN_ORDER)
    spelling = spelled(name[1:], data)
    asked = query(name[:1] + spelling, qtype, number=number, edns=edns)
    assert bpf.run(program, asked) == owner(name, 7)


@given(st.binary(max_size=300), workers_counts)
def test_whatever_comes_it_looks_at_nothing_outside(data: bytes, workers: int) -> None:
    """The kernel would end it there, with place 0: all of a flood would be one worker's."""
    for octets in (data, b"\0\0\1\0\0\1\0\0\0\0\0\0" + data):
        program = steering.program(workers, SALT, {number: number for number in range(workers)})
        assert bpf.run(program, octets) in {*range(workers), steering.BY_CLIENT}


@pytest.mark.reaches("STEERED_OCTETS")
def test_names_that_are_alike_for_long_are_one_workers() -> None:
    alike = bytes([63]) + b"a" * 63 + bytes([63]) + b"b" * 63
    assert len(alike) == STEERED_OCTETS
    program = steering.program(64, SALT, _IN_ORDER)
    found = {bpf.run(program, query(alike + bytes([1, 97 + at]) + b"\0")) for at in range(26)}
    assert len(found) == 1
    sooner = {
        bpf.run(program, query(alike[:-1] + bytes([97 + at]) + b"\0")) for at in range(26)
    }  # the last octet that counts
    assert len(sooner) > 10


def test_what_is_no_ordinary_question_goes_by_the_client() -> None:
    """Too short, without RD (the daemon's own), an answer's sections, QUIC."""
    program = steering.program(2, SALT, _IN_ORDER)
    name = names.from_text("www.example.")
    asked = query(name)
    others = [
        b"", asked[:11], asked[:16], query(name, flags=0), asked[:5] + b"\2" + asked[6:],
        asked[:7] + b"\1" + asked[8:], asked[:9] + b"\1" + asked[10:],
        asked[:11] + b"\2" + asked[12:], b"\xc3\0\0\0\1\x08" + bytes(1194),
    ]  # fmt: skip
    assert [bpf.run(program, other) for other in others] == [steering.BY_CLIENT] * len(others)
    assert bpf.run(steering.by_client(), asked) == steering.BY_CLIENT


def test_who_has_no_socket_leaves_its_names_to_the_client_hash() -> None:
    places = {0: 1, 2: 0}
    program = steering.program(3, SALT, places)
    for number in range(50):
        name = names.from_text(f"n{number}.example.")
        whose = owner(name, 3)
        assert bpf.run(program, query(name)) == places.get(whose, steering.BY_CLIENT)


def test_what_people_ask_is_dealt_out_evenly() -> None:
    """Though one name is 3.5 % of it: neither of two has more than 60 %, of four more than 40."""
    lines = (real_data.FOLDER / "queries/dnsperf_test_queries_100K.tsv").read_text().splitlines()
    asked = [names.from_text(line.split("\t")[0]) for line in lines[:20_000]]
    for workers, most in ((2, 0.6), (4, 0.4)):
        for salt in (0, SALT, _WORD):
            counts = [0] * workers
            for name in asked:
                counts[owner(name, workers, salt)] += 1
            assert max(counts) < most * len(asked)


# --- QUIC -------------------------------------------------------------------------------------


@given(st.binary(min_size=8, max_size=8), workers_counts, st.integers(0, _WORD), st.data())
@example(b"\xff" * 8, 2, 0, None)
def test_a_connection_id_comes_to_who_gave_it_out(
    random: bytes, workers: int, salt: int, data: st.DataObject | None
) -> None:
    worker = 0 if data is None else data.draw(st.integers(0, workers - 1))
    mine = steering.own_id(random, worker, workers, salt)
    assert (len(mine), mine[4:]) == (8, random[4:])
    program = steering.connections(workers, salt, {number: number for number in range(workers)})
    for first in (0x40, 0x5F, 0x7F):
        assert bpf.run(program, bytes([first]) + mine + bytes(20)) == worker


@given(st.binary(max_size=40), workers_counts)
def test_what_begins_a_connection_goes_by_the_client(data: bytes, workers: int) -> None:
    """And what is too short to be of any."""
    program = steering.connections(workers, SALT, _IN_ORDER)
    for octets in (b"\xc3" + data, b"\x80" + data, data[:4]):
        assert bpf.run(program, octets) == steering.BY_CLIENT


def test_a_worker_without_a_socket_leaves_its_connections_to_the_client_hash() -> None:
    mine = steering.own_id(bytes(8), 1, 3, SALT)
    program = steering.connections(3, SALT, {0: 1, 2: 0})
    assert bpf.run(program, b"\x40" + mine) == steering.BY_CLIENT


# --- the kernel -------------------------------------------------------------------------------


def _heard(socks: list[socket.socket], data: bytes) -> int:
    """Which of *socks* gets *data* from a client of its own."""
    with closing(socket.socket(socks[0].family, socket.SOCK_DGRAM)) as client:
        client.sendto(data, socks[0].getsockname())
    heard = []
    for at, sock in enumerate(socks):
        try:
            assert sock.recv(4096) == data
            heard.append(at)
        except BlockingIOError:
            pass
    (found,) = heard
    return found


@on_linux
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("workers", [2, 5, 64])
def test_the_kernel_goes_by_it_whoever_asks(host: str, workers: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with ExitStack() as stack:
        socks: list[socket.socket] = []
        for _ in range(workers):
            sock = stack.enter_context(closing(socket.socket(family, socket.SOCK_DGRAM)))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind(socks[0].getsockname() if socks else (host, 0))
            sock.settimeout(0)
            socks.append(sock)
        turned = {number: (number + 1) % workers for number in range(workers)}
        steering.attach(socks[-1], steering.program(workers, SALT, turned))
        texts = [".", "a.", "ab.", "abc.", "abcd.", f"{'x' * 63}.{'y' * 63}.{'z' * 63}.{'w' * 61}."]
        texts += [f"host{number}.example." for number in range(30)]
        for number, text in enumerate(texts):
            name = names.from_text(text)
            for asked in (query(name), query(name.swapcase(), 28, number=number, edns=True)):
                assert _heard(socks, asked) == turned[owner(name, workers)]
        unowned = {number: place for number, place in turned.items() if number}
        steering.attach(socks[0], steering.program(workers, SALT, unowned))
        for text in texts:  # comes to somebody, and so does what is no question
            assert _heard(socks, query(names.from_text(text))) >= 0
        assert _heard(socks, b"?") >= 0
