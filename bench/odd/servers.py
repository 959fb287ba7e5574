"""The odd servers on real sockets: one process for all addresses, started in a namespace.

    python -m bench.odd.servers WALL

Prints "ready" once everything listens. UDP replies wait one round trip, TCP replies too.
"""

from __future__ import annotations

import socket
import sys
from functools import partial
from typing import TYPE_CHECKING

import trio

from bench.odd import streams
from bench.odd.making import Elsewhere
from bench.odd.odd_world import ELSEWHERE, OddServer, build
from resolver.lab.virtual_parts import Delayed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.odd.making import Sent

RTT_S = 0.02
OCTETS = 65_535
BACKLOG = 64


class Host:
    """One address: a UDP socket, and a listener if the oddity has one."""

    def __init__(self, host: str, server: object, nursery: trio.Nursery) -> None:
        self._host = host
        self._server = server
        self._nursery = nursery
        self.manner = server.oddity.tcp if isinstance(server, OddServer) else "ok"
        self._udp = bound(host, 53)
        nursery.start_soon(self._receive)
        if self.manner not in {streams.REFUSED, streams.DEAD}:
            self._listener = trio.socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    async def listen(self) -> None:
        """Accept connections, if anybody does here."""
        if self.manner in {streams.REFUSED, streams.DEAD}:
            return
        await self._listener.bind((self._host, 53))
        self._listener.listen(BACKLOG)
        self._nursery.start_soon(self._accept)

    def _says(self, data: bytes, transport: str) -> Sequence[Sent]:
        if isinstance(self._server, OddServer):
            return self._server.says(data, transport)
        return self._server.answer(data, transport, "") or []  # type: ignore[attr-defined]

    async def _receive(self) -> None:
        while True:
            data, source = await self._udp.recvfrom(OCTETS)
            for reply in self._says(data, "udp"):
                self._nursery.start_soon(self._send, reply, source)

    async def _send(self, reply: Sent, source: tuple[str, int]) -> None:
        await trio.sleep(RTT_S + (reply.after_s if isinstance(reply, Delayed) else 0.0))
        sock = self._udp
        if isinstance(reply, Elsewhere):
            sock = bound(ELSEWHERE if reply.other_host else self._host, reply.port)
        await sock.sendto(reply if isinstance(reply, bytes) else reply.data, source)
        if sock is not self._udp:
            sock.close()

    async def _accept(self) -> None:
        while True:
            sock, _ = await self._listener.accept()
            says = partial(self._says, transport="tcp")
            self._nursery.start_soon(
                streams.serve, trio.SocketStream(sock), says, self.manner, RTT_S
            )


def bound(host: str, port: int) -> trio.socket.SocketType:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    sock.setblocking(False)  # noqa: FBT003
    return trio.socket.from_stdlib_socket(sock)


async def main(wall: float) -> None:
    made = build(wall)
    async with trio.open_nursery() as nursery:
        hosts = [Host(host, server, nursery) for host, server in made.servers.items()]
        for host in hosts:
            await host.listen()
        print("ready", flush=True)


if __name__ == "__main__":
    trio.run(main, float(sys.argv[1]))
