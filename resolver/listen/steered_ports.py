"""Which place each worker's socket has among those of one port, and what the kernel is told of it.

`steering` says which worker a name or a QUIC connection belongs to, Linux knows places only: a
socket that is bound goes to the end, and where one is closed the last one takes its place. So it is
written down by whoever binds or closes one, in memory that all workers see, an address and port at
a time and one worker at a time. Then a worker that follows one that died has the names that were
its own, and the others keep theirs; and a name asked for at two addresses belongs to one worker.

What is written down may be wrong (two died at the same moment, none could say in which order): then
names belong to others than before, at one address perhaps to others than at the next, which costs
hits and no answer. While somebody leaves the port to the others, all goes by the client: a socket
that only waits to be closed is passed over by the kernel's hash, and by no program.
"""

from __future__ import annotations

import logging
import mmap
import os
from contextlib import contextmanager, suppress
from hashlib import blake2b
from time import sleep
from typing import TYPE_CHECKING, Final

from resolver.limits import STEERED_PLACES, STEERING_PATIENCE_SECONDS, WORKERS_RANGE
from resolver.listen import steering

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

_log = logging.getLogger(__name__)
_DIGEST_OCTETS: Final = 8
_ORDER_OCTETS: Final = WORKERS_RANGE[1]
_ENTRY_OCTETS: Final = _DIGEST_OCTETS + _ORDER_OCTETS
_LEAVES: Final = 0x80  # beside the number of a worker, which begins at 1 here
_TRIES: Final = 20
OCTETS: Final = STEERED_PLACES * _ENTRY_OCTETS


def shared_file() -> int:
    """A descriptor of what workers write it down in, made before they are forked; -1: of nothing,
    for this system has no such thing."""
    if not hasattr(os, "memfd_create"):
        return -1
    file = os.memfd_create("steering")
    os.ftruncate(file, OCTETS)
    return file


class SteeredPorts:
    """What worker number *worker* of *workers* does about the ports that they share.

    *file* is the `shared_file`; *key* a secret of all of them. *level*: of the one line that says
    that the kernel will have no program.
    """

    def __init__(
        self, file: int, worker: int, workers: int, *, key: bytes, level: int = logging.INFO
    ) -> None:
        self._file = file
        self._memory = mmap.mmap(file, OCTETS)
        self._me = worker + 1
        self._workers = workers
        self._salt = int.from_bytes(blake2b(key, digest_size=4, person=b"steering").digest(), "big")
        self._level = level
        self.is_refused = False
        with self._alone():  # what a process of this number had bound is closed
            for at in range(0, OCTETS, _ENTRY_OCTETS):
                self._write(at, _without(self._read(at), self._me))

    def __repr__(self) -> str:
        return f"<SteeredPorts of worker {self._me - 1} of {self._workers}>"

    def bind(
        self,
        where: str,
        bind: Callable[[], socket.socket],
        deal: steering.Deal = steering.program,
    ) -> tuple[socket.socket, Seat]:
        """What *bind* binds at *where*, and its place. Raises as *bind* does."""
        with self._alone():
            sock = bind()
            at = self._find(where)
            if at is not None:
                self._write(at, [*_without(self._read(at), self._me), self._me])
                self._tell(sock, at, deal)
        return sock, Seat(self, where, deal)

    def stand_aside(self, where: str, sock: socket.socket, deal: steering.Deal) -> None:
        """Have the others get what comes from now on, as far as a program has a say."""
        with self._alone():
            at = self._find(where)
            if at is not None:
                order = self._read(at)
                self._write(at, [one | _LEAVES * (one == self._me) for one in order])
                self._tell(sock, at, deal)

    def close(self, where: str, sock: socket.socket) -> None:
        """Close it, and give its place back."""
        with self._alone():
            at = self._find(where)
            sock.close()
            if at is not None:
                self._write(at, _without(self._read(at), self._me))

    def own_id(self, octets: int) -> bytes:
        """A random connection id, so long, that comes to this worker."""
        return steering.own_id(os.urandom(octets), self._me - 1, self._workers, self._salt)

    def _tell(self, sock: socket.socket, at: int, deal: steering.Deal) -> None:
        """Have the kernel go by what is written down *at*."""
        order = self._read(at)
        if any(one & _LEAVES for one in order):
            program = steering.by_client()
        else:
            places = {one - 1: place for place, one in enumerate(order)}
            program = deal(self._workers, self._salt, places)
        try:
            steering.attach(sock, program)
        except OSError as error:
            if not self.is_refused:
                self.is_refused = True
                message = "questions are dealt out to the workers by client, not by name: %s"
                _log.log(self._level, message, error.strerror)

    def _find(self, where: str) -> int | None:
        """Where the order of the port's sockets is written down; None: nowhere, all is full."""
        digest = blake2b(where.encode(), digest_size=_DIGEST_OCTETS).digest()
        free = None
        for at in range(0, OCTETS, _ENTRY_OCTETS):
            if self._memory[at : at + _DIGEST_OCTETS] == digest:
                return at
            if free is None and not self._read(at):
                free = at
        if free is not None:
            self._memory[free : free + _DIGEST_OCTETS] = digest
        return free

    def _read(self, at: int) -> list[int]:
        order = self._memory[at + _DIGEST_OCTETS : at + _ENTRY_OCTETS]
        return list(order.rstrip(b"\0"))

    def _write(self, at: int, order: list[int]) -> None:
        octets = bytes(order).ljust(_ORDER_OCTETS, b"\0")
        self._memory[at + _DIGEST_OCTETS : at + _ENTRY_OCTETS] = octets

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other worker binds or closes meanwhile; after STEERING_PATIENCE_SECONDS all the same:
        one may have been stopped just then."""
        for _ in range(_TRIES):
            try:
                os.lockf(self._file, os.F_TLOCK, 0)
            except OSError:
                sleep(STEERING_PATIENCE_SECONDS / _TRIES)
            else:
                break
        try:
            yield
        finally:
            with suppress(OSError):
                os.lockf(self._file, os.F_ULOCK, 0)


class Seat:
    """The place of one socket, which is bound at *where*."""

    def __init__(self, ports: SteeredPorts, where: str, deal: steering.Deal) -> None:
        self._ports = ports
        self._where = where
        self._deal = deal

    def __repr__(self) -> str:
        return f"<Seat at {self._where} of {self._ports}>"

    def stand_aside(self, sock: socket.socket) -> None:
        """Have the others get what comes from now on."""
        self._ports.stand_aside(self._where, sock, self._deal)

    def own_id(self, octets: int) -> bytes:
        """A connection id, at a port of QUIC: what has it comes to this socket."""
        return self._ports.own_id(octets)

    def close(self, sock: socket.socket) -> None:
        """Close it, and give the place back."""
        self._ports.close(self._where, sock)


def _without(order: list[int], me: int) -> list[int]:
    """As the kernel does it: the last one takes the place of who goes."""
    left = list(order)
    for place, one in enumerate(order):
        if one & ~_LEAVES == me:
            last = left.pop()
            if place < len(left):
                left[place] = last
            break
    return left
