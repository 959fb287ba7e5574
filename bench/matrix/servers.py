"""All servers of the matrix in one process: every address of 45.0.0.0/8, UDP and TCP, port 53.

`python -m bench.matrix.servers CASES SEED signed|unsigned`, inside a namespace to which that range
is routed. Says "ready" once it answers; ends with SIGTERM.
"""

from __future__ import annotations

import selectors
import socket
import struct
import sys
import threading
from typing import TYPE_CHECKING

from bench.matrix.draw import draw
from tests.iterate.matrix_world import Internet

if TYPE_CHECKING:
    from collections.abc import Iterator

PORT = 53
RANGE = "45.0.0.0/8"
_PKTINFO = getattr(socket, "IP_PKTINFO", 8)
_INFO = struct.Struct("i4s4s")
_PATIENCE_S = 2.0


def _bound(kind: int) -> socket.socket:
    found = socket.socket(socket.AF_INET, kind)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(("0.0.0.0", PORT))  # noqa: S104  a namespace of our own
    return found


def _datagram(net: Internet, port: socket.socket) -> None:
    data, ancillary, _, client = port.recvmsg(4096, 128)
    for level, kind, value in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, _PKTINFO):
            _, _, destination = _INFO.unpack(value)
            reply = net.answer(data, socket.inet_ntoa(destination), "udp")
            if reply is not None:
                info = _INFO.pack(0, destination, bytes(4))
                port.sendmsg([reply], [(socket.IPPROTO_IP, _PKTINFO, info)], 0, client)


def _connection(net: Internet, listener: socket.socket) -> None:
    stream, _ = listener.accept()
    threading.Thread(target=_serve, args=(net, stream), daemon=True).start()


def _serve(net: Internet, stream: socket.socket) -> None:
    """One connection to its end; some clients keep theirs open."""
    with stream:
        stream.settimeout(_PATIENCE_S)
        host = stream.getsockname()[0]
        try:
            for data in _messages(stream):
                reply = net.answer(data, host, "tcp")
                if reply is not None:
                    stream.sendall(struct.pack("!H", len(reply)) + reply)
        except OSError:
            return


def _messages(stream: socket.socket) -> Iterator[bytes]:
    with stream.makefile("rb") as incoming:
        while len(size := incoming.read(2)) == 2:
            yield incoming.read(int.from_bytes(size, "big"))


def main() -> None:
    count, seed, kind = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    net = Internet(draw(count, seed, kind), is_signed=kind == "signed")
    udp, tcp = _bound(socket.SOCK_DGRAM), _bound(socket.SOCK_STREAM)
    udp.setsockopt(socket.IPPROTO_IP, _PKTINFO, 1)
    tcp.listen(64)
    print("ready", flush=True)
    with selectors.DefaultSelector() as selector:
        selector.register(udp, selectors.EVENT_READ, _datagram)
        selector.register(tcp, selectors.EVENT_READ, _connection)
        while True:
            for key, _ in selector.select():
                key.data(net, key.fileobj)


if __name__ == "__main__":
    main()
