"""Packets to throw at a port: real ones, other people's fuzzing seeds, and mutations of both."""

from __future__ import annotations

import gzip
import json
import struct
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from random import Random

LARGEST = 4096
ARCHIVES = (
    "wire/haskell-resolv-testdata-msg.tar.gz",
    "fuzz/bind9-fuzz.tar.gz",
    "fuzz/pdns-fuzzing-corpus.tar.gz",
    "fuzz/knot-tests-fuzz.tar.gz",
)
QTYPES = (1, 2, 5, 6, 12, 15, 16, 28, 33, 41, 43, 46, 48, 64, 65, 249, 250, 251, 252, 255, 0, 65535)
LABELS = (b"", b"a", b"com", b"google", b"\0", b"*", b"\xff" * 63, b"_tcp", b".", b"x" * 62)


def seeds(data: Path) -> list[bytes]:
    """Every message of the captures and every seed file, shorter than a large datagram."""
    found: list[bytes] = []
    with gzip.open(data / "wire" / "dns-messages.jsonl.gz", "rt") as lines:
        found += [bytes.fromhex(json.loads(line)["hex"]) for line in lines]
    for name in ARCHIVES:
        found += _members(data / name)
    return [packet for packet in found if packet and len(packet) <= LARGEST]


def _members(archive: Path) -> Iterator[bytes]:
    with tarfile.open(archive) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isfile() else None
            if content is not None:
                yield content.read()


def packets(seed: list[bytes], rng: Random, count: int) -> Iterator[bytes]:
    """*count* packets: as they are, mutated in eight ways, made up, or plain noise."""
    kinds = (_as_it_is, _flip, _cut, _splice, _header, _as_query, _stretch, _made_up, _noise)
    for _ in range(count):
        packet = rng.choice(kinds)(seed, rng)
        yield packet[:LARGEST]


def _as_it_is(seed: list[bytes], rng: Random) -> bytes:
    return rng.choice(seed)


def _flip(seed: list[bytes], rng: Random) -> bytes:
    packet = bytearray(_as_query(seed, rng))
    for _ in range(rng.randint(1, 8)):
        packet[rng.randrange(len(packet))] ^= 1 << rng.randrange(8)
    return bytes(packet)


def _cut(seed: list[bytes], rng: Random) -> bytes:
    packet = _as_query(seed, rng)
    return packet[: rng.randrange(len(packet) + 1)]


def _splice(seed: list[bytes], rng: Random) -> bytes:
    one, other = rng.choice(seed), rng.choice(seed)
    return one[: rng.randrange(len(one) + 1)] + other[rng.randrange(len(other) + 1) :]


def _header(seed: list[bytes], rng: Random) -> bytes:
    """Real body, any flags, counts that do not fit."""
    counts = [rng.choice((0, 1, 1, 2, 3, 65535)) for _ in range(4)]
    flags = rng.getrandbits(16) & (0x7FFF if rng.random() < 0.8 else 0xFFFF)
    return struct.pack("!HH4H", rng.getrandbits(16), flags, *counts) + rng.choice(seed)[12:]


def _as_query(seed: list[bytes], rng: Random) -> bytes:
    """A packet as it is but for QR: responses would be dropped unread."""
    packet = bytearray(rng.choice(seed))
    if len(packet) > 2:
        packet[2] &= 0x7F
    return bytes(packet)


def _stretch(seed: list[bytes], rng: Random) -> bytes:
    """Repeat a piece: long names, many records, pointers that meet themselves."""
    packet = _as_query(seed, rng)
    start = rng.randrange(len(packet))
    piece = packet[start : start + rng.randint(1, 40)]
    return packet[:start] + piece * rng.randint(2, 60) + packet[start:]


def _made_up(seed: list[bytes], rng: Random) -> bytes:
    """A query of the right form with odd parts: labels, types, classes, OPT."""
    del seed
    labels = [rng.choice(LABELS[1:]) for _ in range(rng.randint(0, 5))]
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    question = name + struct.pack("!HH", rng.choice(QTYPES), rng.choice((1, 1, 1, 3, 254, 255, 0)))
    edns = rng.random() < 0.6
    flags = rng.choice((0, 0x0100, 0x0110, 0x0120)) | rng.choice((0, 0, 0, 1, 4, 5, 15)) << 11
    header = struct.pack("!HH4H", rng.getrandbits(16), flags, 1, 0, 0, int(edns))
    return header + question + (_opt(rng) if edns else b"")


def _opt(rng: Random) -> bytes:
    options = b""
    for _ in range(rng.randint(0, 3)):
        data = rng.randbytes(rng.choice((0, 1, 4, 8, 16, 24, 40, 41)))
        options += (
            struct.pack("!HH", rng.choice((3, 5, 8, 10, 11, 12, 15, 65001)), len(data)) + data
        )
    version = 0 if rng.random() < 0.8 else rng.randrange(256)
    length = len(options) if rng.random() < 0.9 else rng.getrandbits(16)
    fixed = struct.pack("!HHBBHH", 41, rng.choice((0, 512, 1232, 65535)), 0, version,
                        rng.choice((0, 0x8000, 0xFFFF)), length)  # fmt: skip
    return b"\0" + fixed + options


def _noise(seed: list[bytes], rng: Random) -> bytes:
    del seed
    return rng.randbytes(rng.choice((0, 1, 2, 11, 12, 13, 17, 30, 100, 600)))
