"""Which of several workers a datagram comes to: by the name asked for, or the connection it is of.

Linux deals the datagrams of one port out among the sockets bound to it, by the client's address and
port unless a program says otherwise (SO_ATTACH_REUSEPORT_CBPF; socket(7)). Ours hashes the name
asked for, in whatever case it is spelled, so that a name lives in one worker: its ready replies,
its records and what is on its way are not kept and not fetched once in each. By the name, not by
its type too: what A has cost on the way, AAAA and HTTPS need not pay for again.

The program is classic BPF (bpf(4), Documentation/networking/filter.rst), which needs no privilege,
knows no loops and sees the datagram from the DNS header on. It takes four octets at a time up to
STEERED_OCTETS, or the zero octet that ends the name. What is no ordinary question goes by the
client, as everything does where the kernel refuses a program; so does the share of a worker that
has no socket. The hash is salted: nobody outside can aim at one worker, but with one name over and
over.

At ports of QUIC it is the connection id that is hashed, in packets with a short header, which are
those of connections that have come about: a client that has changed its address or port (RFC 9000
§9) is known to one worker only, which gives out ids that come to it (`own_id`). They look like any
others to whoever has not the salt (§5.1). What comes earlier goes by the client: a handshake does
not move. Pure, but for `attach`.
"""

from __future__ import annotations

import socket
import struct
from array import array
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

from resolver.limits import STEERED_OCTETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BY_CLIENT: Final = 0xFFFF_FFFF  # no socket has this place: the kernel's own hash decides
HEADER: Final = 12
RD: Final = 0x0100
ONE_QUESTION: Final = 0x0001_0000  # QDCOUNT 1, ANCOUNT 0
LEAST_OCTETS: Final = HEADER + 5  # of a question for the root
SHORT_OCTETS: Final = 5  # of a packet with a short header, as far as it is looked at
LOWER: Final = 0x2020_2020  # letters lose their case; what else becomes alike does no harm
FACTOR: Final = 0x9E37_79B1  # odd, its bits well mixed: 2^32 divided by the golden ratio

_SO_ATTACH_REUSEPORT_CBPF: Final = 51
_INSTRUCTION: Final = struct.Struct("=HBBI")  # struct sock_filter
_PROGRAM: Final = struct.Struct("@HP")  # struct sock_fprog

_LD_WORD, _LD_HALF, _LD_OCTET, _LD_LENGTH, _LDX = 0x20, 0x28, 0x30, 0x80, 0x01
_AND, _OR, _RSH, _MUL, _MOD, _XOR_X = 0x54, 0x44, 0x74, 0x24, 0x94, 0xAC
_TAX, _TXA = 0x07, 0x87
_JA, _JEQ, _JGT, _JGE, _JSET = 0x05, 0x15, 0x25, 0x35, 0x45
_RET: Final = 0x06
_LONG_HEADER: Final = 0x80  # in the first octet (RFC 8999 §5)
_WORD: Final = 0xFFFF_FFFF


class Instruction(NamedTuple):
    """One of the program; *on* and *off*: how many to skip where its comparison holds or not."""

    code: int
    k: int = 0
    on: int = 0
    off: int = 0


# The word in A goes into the hash in X.
_MIXED: Final = (
    Instruction(_XOR_X),
    Instruction(_MUL, FACTOR),
    Instruction(_TAX),
    Instruction(_RSH, 15),
    Instruction(_XOR_X),
    Instruction(_TAX),
)


def program(workers: int, salt: int, places: Mapping[int, int]) -> list[Instruction]:
    """Each name belongs to one of *workers*; *places* has the place of each one's socket among
    those of the port. A worker that has none there leaves its share to the kernel's hash."""
    lines: list[_Line] = [*_opening(salt)]
    for at in range(HEADER, HEADER + STEERED_OCTETS, 4):
        lines += _word(at)
    lines += [_Leap("whole"), *_tails(), "whole", *_choice(workers, places)]
    return _assembled(lines)


def connections(workers: int, salt: int, places: Mapping[int, int]) -> list[Instruction]:
    """The same for QUIC: each connection id belongs to one of *workers*, see `own_id`."""
    lines: list[_Line] = [
        Instruction(_LD_LENGTH),
        Instruction(_JGE, SHORT_OCTETS, 0, 2),
        Instruction(_LD_OCTET, 0),
        Instruction(_JSET, _LONG_HEADER, 0, 1),
        Instruction(_RET, BY_CLIENT),
        Instruction(_LDX, salt & _WORD),
        Instruction(_LD_WORD, 1),
        *_MIXED,
        *_choice(workers, places),
    ]
    return _assembled(lines)


def own_id(random: bytes, worker: int, workers: int, salt: int) -> bytes:
    """A connection id made of *random*, four octets or more, that `connections` gives to *worker*.

    O(*workers*): the next number is tried until one is.
    """
    word = int.from_bytes(random[:4], "big")
    while _worker_of(word, workers, salt) != worker:
        word = (word + 1) & _WORD
    return word.to_bytes(4, "big") + random[4:]


def _worker_of(word: int, workers: int, salt: int) -> int:
    """What _MIXED and `_choice` make of the first four octets of a connection id."""
    mixed = ((salt & _WORD) ^ word) * FACTOR & _WORD
    mixed ^= mixed >> 15
    return ((mixed * FACTOR & _WORD) >> 16) % workers


def by_client() -> list[Instruction]:
    """By the client, all of it: as if there were no program."""
    return [Instruction(_RET, BY_CLIENT)]


class Deal(Protocol):
    """How datagrams are dealt out: `program`, or `connections`."""

    def __call__(self, workers: int, salt: int, places: Mapping[int, int]) -> list[Instruction]: ...


class _Leap(NamedTuple):
    """On to a label, however far."""

    to: str


_Line: TypeAlias = "Instruction | _Leap | str"  # a string labels what follows


def _assembled(lines: Iterable[_Line]) -> list[Instruction]:
    labels: dict[str, int] = {}
    kept: list[Instruction | _Leap] = []
    for line in lines:
        if isinstance(line, str):
            labels[line] = len(kept)
        else:
            kept.append(line)
    return [
        Instruction(_JA, labels[line.to] - at - 1) if isinstance(line, _Leap) else line
        for at, line in enumerate(kept)
    ]


def _opening(salt: int) -> list[_Line]:
    """On with an ordinary question: one, with RD, and of other records one at most, which is EDNS'.

    Without RD is what `daemon.self_probe` asks: that is to come to each worker.
    """
    return [
        Instruction(_LD_LENGTH),
        Instruction(_JGE, LEAST_OCTETS, 0, 6),
        Instruction(_LD_HALF, 2),
        Instruction(_JSET, RD, 0, 4),
        Instruction(_LD_WORD, 4),
        Instruction(_JEQ, ONE_QUESTION, 0, 2),
        Instruction(_LD_WORD, 8),
        Instruction(_JGT, 1, 0, 1),
        Instruction(_RET, BY_CLIENT),
        Instruction(_LDX, salt & _WORD),
    ]


def _word(at: int) -> list[_Line]:
    """The four octets from *at* on. A load past the end would end the program, with place 0."""
    looks: list[_Line] = [Instruction(_LD_LENGTH), Instruction(_JGE, at + 4, 1), _Leap("whole")]
    looks.append(Instruction(_LD_WORD, at))
    for octets, mask in enumerate((0xFF00_0000, 0x00FF_0000, 0x0000_FF00, 0x0000_00FF)):
        looks += [Instruction(_JSET, mask, 1), _Leap(f"{octets} octets")]
    return [*looks, Instruction(_OR, LOWER), *_MIXED]


def _tails() -> list[_Line]:
    """What is left of the name in its last word."""
    lines: list[_Line] = []
    for octets, mask in enumerate((0, 0xFF00_0000, 0xFFFF_0000, 0xFFFF_FF00)):
        lines += [f"{octets} octets", Instruction(_AND, mask), _Leap("last")]
    return [*lines, "last", Instruction(_OR, LOWER), *_MIXED]


def _choice(workers: int, places: Mapping[int, int]) -> list[_Line]:
    """From the hash in X to a worker, and to the place of its socket."""
    choice: list[_Line] = [
        Instruction(_TXA),
        Instruction(_MUL, FACTOR),
        Instruction(_RSH, 16),
        Instruction(_MOD, workers),
    ]
    for worker, place in sorted(places.items()):
        choice += [Instruction(_JEQ, worker, 0, 1), Instruction(_RET, place)]
    return [*choice, Instruction(_RET, BY_CLIENT)]


def attach(sock: socket.socket, instructions: Iterable[Instruction]) -> None:
    """Have the kernel go by it, for all sockets of the port. Raises OSError where it will not."""
    packed = (_INSTRUCTION.pack(one.code, one.on, one.off, one.k) for one in instructions)
    octets = array("B", b"".join(packed))
    address, size = octets.buffer_info()
    told = _PROGRAM.pack(size // _INSTRUCTION.size, address)
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, told)
