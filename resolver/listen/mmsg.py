"""Many datagrams per system call: recvmmsg and sendmmsg through cffi, where the platform has them.

One `turn` reads a batch into buffers that were laid out once, recalls what the packet cache knows
and sends the replies with the headers the queries came in, so that a hit makes no address object.
All lengths, addresses and pointers of a batch cross between C and Python in one slice each.
On wildcard sockets the ancillary data of a query (IP_PKTINFO) is sent back with its reply, which
then leaves from the address that was asked (RFC 2181 §4.1); `ifindex` is zeroed as Unbound does, so
that routing still has its say.
"""

from __future__ import annotations

import errno
import sys
from array import array
from itertools import accumulate
from socket import AF_INET, AF_INET6, inet_ntop
from typing import TYPE_CHECKING, Any, Final

from resolver.limits import (
    FAST_PATH_SOURCES,
    UDP_BATCH,
    UDP_PAYLOAD_RANGE,
    UDP_QUERY_OCTETS,
)
from resolver.listen import mmsg_types
from resolver.listen.admission import raw_address
from resolver.listen.listen_network import Datagram, Peer, Raw
from resolver.listen.udp_socket import PlainUdpSocket

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

    from resolver.listen.listen_network import Missed, Recall, Sift

_SLOT: Final = 256  # octets of a query that lie densely; longer ones continue elsewhere
_NAME: Final = 28  # sizeof (struct sockaddr_in6)
_CONTROL: Final = 64
_HEADER: Final = 64  # sizeof (struct mmsghdr) on 64-bit Linux
_WORDS: Final = _HEADER // 8
_REPLIES_OCTETS: Final = UDP_PAYLOAD_RANGE[1]
_DONTWAIT: Final = 0x40
_TRUNCATED: Final = 0x20  # MSG_TRUNC
_new: Final = tuple.__new__  # for what is made for each miss: half the constructor's cost
_TRANSIENT: Final = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR})


def _load() -> tuple[Any, Any] | None:
    """cffi's view of the C library, or None where this module cannot serve."""
    if not sys.platform.startswith("linux") or sys.maxsize < 1 << 32 or sys.byteorder != "little":
        return None
    try:
        ffi = mmsg_types.view()
        library: Any = ffi.dlopen(None)
        if ffi.sizeof("struct mmsghdr") != _HEADER or not (library.recvmmsg and library.sendmmsg):
            return None
    except (ImportError, OSError, AttributeError):  # the loop works without it
        return None
    return ffi, library


_LOADED = _load()
IS_AVAILABLE: Final = _LOADED is not None


class _Headers:
    """An array of `struct mmsghdr` as memory that Python writes by stride."""

    def __init__(self, ffi: Any, count: int, *, vectors: int) -> None:
        self.memory = bytearray(count * _HEADER)
        self.vectors = bytearray(count * vectors * 16)
        self.pointer = ffi.cast("struct mmsghdr *", ffi.from_buffer(self.memory))
        vector_base = int(ffi.cast("uintptr_t", ffi.from_buffer(self.vectors)))
        words = memoryview(self.memory).cast("Q")
        ints = memoryview(self.memory).cast("I")
        self.names = words[0::_WORDS]
        self.name_lengths = ints[2 :: _WORDS * 2]
        self.controls = words[4::_WORDS]
        self.control_lengths = words[5::_WORDS]
        self.flags = ints[12 :: _WORDS * 2]
        self.lengths = ints[14 :: _WORDS * 2]
        words[2::_WORDS] = array(
            "Q", range(vector_base, vector_base + count * vectors * 16, vectors * 16)
        )
        words[3::_WORDS] = array("Q", [vectors] * count)
        vector_words = memoryview(self.vectors).cast("Q")
        self.bases = [vector_words[2 * at :: 2 * vectors] for at in range(vectors)]
        self.sizes = [vector_words[2 * at + 1 :: 2 * vectors] for at in range(vectors)]


def _spread(base: int, count: int, step: int) -> array[int]:
    return array("Q", range(base, base + count * step, step))


class MmsgUdpSocket(PlainUdpSocket):
    """A bound UDP socket that serves a batch with two system calls."""

    def __init__(self, sock: socket.socket, *, is_wildcard: bool) -> None:
        super().__init__(sock, is_wildcard=is_wildcard)
        if _LOADED is None:
            raise OSError("this platform has no recvmmsg")
        self._ffi, self._library = _LOADED
        self._descriptor = sock.fileno()
        self._is_ipv6 = sock.family == AF_INET6
        count = self._count = UDP_BATCH
        self._in = _Headers(self._ffi, count, vectors=2)
        self._out = _Headers(self._ffi, count, vectors=1)
        self._heads, heads = self._buffer(count * _SLOT)
        self._rest_octets = UDP_QUERY_OCTETS - _SLOT
        self._rests, rests = self._buffer(count * self._rest_octets)
        self._names, names = self._buffer(count * _NAME)
        self._controls, controls = self._buffer(count * _CONTROL)
        self._replies, self._replies_at = self._buffer(count * _REPLIES_OCTETS)
        self._in.bases[0][:] = _spread(heads, count, _SLOT)
        self._in.sizes[0][:] = array("Q", [_SLOT] * count)
        self._in.bases[1][:] = _spread(rests, count, self._rest_octets)
        self._in.sizes[1][:] = array("Q", [self._rest_octets] * count)
        self._name_pointers = _spread(names, count, _NAME)
        self._name_sizes = array("I", [_NAME] * count)
        self._name_size = 28 if self._is_ipv6 else 16
        self._in.names[:] = self._out.names[:] = self._name_pointers
        self._in.name_lengths[:] = self._name_sizes
        self._out.name_lengths[:] = array("I", [self._name_size] * count)
        self._control_pointers = _spread(controls, count, _CONTROL)
        self._control_sizes = array("Q", [_CONTROL] * count)
        if is_wildcard:
            self._in.controls[:] = self._control_pointers
        self._came = b""  # the names of the last batch
        self._hosts: dict[bytes, str] = {}
        self._raws: dict[str, bytes] = {}
        self._source = (8, 24) if self._is_ipv6 else (4, 8)

    def _buffer(self, octets: int) -> tuple[bytearray, int]:
        memory = bytearray(octets)
        return memory, int(self._ffi.cast("uintptr_t", self._ffi.from_buffer(memory)))

    def turn(self, recall: Recall, missed: Missed, sift: Sift | None = None) -> tuple[int, int]:
        """One batch; see `listen.listen_network.BatchSocket`."""
        if self.is_wildcard:
            self._in.control_lengths[:] = self._control_sizes
        count = self._library.recvmmsg(
            self._descriptor, self._in.pointer, self._count, _DONTWAIT, self._ffi.NULL
        )
        if count <= 0:
            self._note_failed_receive(count)
            return 0, 0
        lengths = self._in.lengths[:count].tolist()
        heads = bytes(memoryview(self._heads)[: count * _SLOT])
        names = self._came = bytes(memoryview(self._names)[: count * _NAME])
        first, last = self._source
        replies: list[bytes] = []
        slots: list[int] = []
        arrived: Iterable[tuple[int, int]] = enumerate(lengths)
        if sift is not None:
            arrived = self._sifted(sift, lengths)
        for slot, length in arrived:
            at = slot * _SLOT
            data = heads[at : at + length] if length <= _SLOT else self._long(slot, length)
            at = slot * _NAME
            source = names[at + first : at + last]
            reply = recall(data, source)
            if reply is None:
                control = self._control_of(slot) if self.is_wildcard else b""
                missed(_new(Raw, (data, names[at : at + _NAME], control)), source)
            elif reply:
                replies.append(reply)
                slots.append(slot)
        if replies:
            self._send_batch(replies, slots, count)
        return count, len(replies)

    def _sifted(self, sift: Sift, lengths: list[int]) -> list[tuple[int, int]]:
        """Places and lengths of the datagrams that are not dropped unread."""

        def read(slot: int) -> bytes:
            at, length = slot * _SLOT, lengths[slot]
            if length > _SLOT:
                return self._long(slot, length)
            return bytes(self._heads[at : at + length])

        dropped = sift(self.sources(range(len(lengths))), read)
        return [one for one in enumerate(lengths) if one[0] not in dropped]

    def single(self, recall: Recall, missed: Missed) -> tuple[int, int]:
        """One datagram; see `listen_network.BatchSocket`. Costs two thirds of a batch of one."""
        if self.is_wildcard:
            return self.turn(recall, missed)
        try:
            data, peer = self._socket.recvfrom(UDP_QUERY_OCTETS + 1)
        except OSError as error:
            self.receive_errors += error.errno not in _TRANSIENT
            return 0, 0
        if len(data) > UDP_QUERY_OCTETS:
            self.too_long += 1
            data = b""
        host = peer[0]
        source = self._raws.get(host) or self._raw(host)
        reply = recall(data, source)
        if reply is None:
            missed(Datagram(data, peer, None, source), source)
        elif reply:
            self._send_one(reply, peer)
            return 1, 1
        return 1, 0

    def _send_one(self, reply: bytes, peer: Peer) -> None:
        try:
            self._socket.sendto(reply, peer)
        except OSError:
            self.unsent += 1

    def _note_failed_receive(self, count: int) -> None:
        if count < 0 and self._ffi.errno not in _TRANSIENT:
            self.receive_errors += 1  # an ICMP error of an earlier reply: it concerns nobody

    def _long(self, slot: int, length: int) -> bytes:
        if self._in.flags[slot] & _TRUNCATED:
            self.too_long += 1
            return b""
        at = slot * self._rest_octets
        head = self._heads[slot * _SLOT : (slot + 1) * _SLOT]
        return bytes(head + self._rests[at : at + length - _SLOT])

    def read(self, raw: Raw) -> Datagram:
        """Peer and address asked, in the terms of `socket`."""
        data, name, control = raw
        first, last = self._source
        source = name[first:last]
        host = self._hosts.get(source) or self._host(source)
        port = name[2] << 8 | name[3]
        peer: Peer
        if self._is_ipv6:
            peer = (host, port, 0, int.from_bytes(name[24:28], "little"))
        else:
            peer = (host, port)
        local = self._ancillary(control) if self.is_wildcard else None
        return _new(Datagram, (data, peer, local, source))

    def sources(self, slots: Iterable[int]) -> list[bytes]:
        """The raw sources of those datagrams of the last `turn`."""
        names, (first, last) = self._came, self._source
        return [names[slot * _NAME + first : slot * _NAME + last] for slot in slots]

    def _control_of(self, slot: int) -> bytes:
        at = slot * _CONTROL
        return bytes(self._controls[at : at + self._in.control_lengths[slot]])

    def _host(self, source: bytes) -> str:
        """Presentation form of a raw address, remembered for the next query from there."""
        if len(self._hosts) >= FAST_PATH_SOURCES:
            self._hosts.clear()
        host = self._hosts[source] = inet_ntop(AF_INET6 if self._is_ipv6 else AF_INET, source)
        return host

    def _raw(self, host: str) -> bytes:
        """The other way round."""
        if len(self._raws) >= FAST_PATH_SOURCES:
            self._raws.clear()
        raw = self._raws[host] = raw_address(host)
        return raw

    def _ancillary(self, control: bytes) -> tuple[tuple[int, int, bytes], ...]:
        """The one control message of interest, as `socket.sendmsg` wants it."""
        if len(control) < 16:  # noqa: PLR2004  # sizeof (struct cmsghdr)
            return ()
        length = int.from_bytes(control[:8], "little")
        level = int.from_bytes(control[8:12], "little")
        kind = int.from_bytes(control[12:16], "little")
        return ((level, kind, self._unpin(control[16:length])),)

    def _send_batch(self, replies: list[bytes], slots: list[int], count: int) -> None:
        out = self._out
        sizes = list(map(len, replies))
        if max(sizes) > _REPLIES_OCTETS:
            raise ValueError("a reply over UDP is longer than UDP_PAYLOAD allows")
        joined = b"".join(replies)
        self._replies[: len(joined)] = joined
        total = len(replies)
        ends = accumulate(sizes[:-1], initial=self._replies_at)
        out.bases[0][:total] = array("Q", ends)
        out.sizes[0][:total] = array("Q", sizes)
        is_sparse = total != count
        if is_sparse:
            pointers = self._name_pointers
            out.names[:total] = array("Q", [pointers[slot] for slot in slots])
        if self.is_wildcard:
            self._aim_controls(slots, total)
        self._flush(total)
        if is_sparse:
            out.names[:total] = self._name_pointers[:total]

    def _aim_controls(self, slots: list[int], total: int) -> None:
        """Send each reply with its query's ancillary data, minus the interface."""
        pointers, lengths = self._control_pointers, self._in.control_lengths
        index_at = 32 if self._is_ipv6 else 16  # ipi6_ifindex, ipi_ifindex
        for slot in slots:
            at = slot * _CONTROL + index_at
            self._controls[at : at + 4] = b"\0\0\0\0"
        self._out.controls[:total] = array("Q", [pointers[slot] for slot in slots])
        self._out.control_lengths[:total] = array("Q", [lengths[slot] for slot in slots])

    def _flush(self, total: int) -> None:
        """Send headers 0..total; what the kernel refuses is counted and left out."""
        start = 0
        while start < total:
            pointer = self._out.pointer + start if start else self._out.pointer
            sent = self._library.sendmmsg(self._descriptor, pointer, total - start, _DONTWAIT)
            if sent > 0:
                start += sent
            elif sent < 0 and self._ffi.errno in _TRANSIENT:
                self.unsent += total - start
                return
            else:
                self.unsent += 1  # the first one cannot be sent (no route, say): skip it
                start += 1
