"""A server on loopback that transfers one zone, or something like one."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.rdatatype
import dns.renderer
import dns.rrset
import trio

from resolver.protocol.codes import RRType
from resolver.protocol.framing import frame
from tests.dnssec.data import parsed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from resolver.dnssec.zonemd import ZoneRecord

_A_MESSAGE = 100  # records


@dataclass
class Master:
    """What it sends: *records*, the SOA first and last. *cut_after* octets it hangs up.

    *rests_s*: seconds between the two halves of it, after which it *has_sent* all.
    """

    records: list[ZoneRecord]
    cut_after: int | None = None
    port: int = 0
    transfers: int = 0
    octets: int = 0
    hangs: bool = False
    endless: bool = False
    rests_s: float = 0.0
    has_sent: bool = False
    made: list[bytes] = field(default_factory=list)

    async def serve(self, stream: trio.SocketStream) -> None:
        async with stream:
            head = await stream.receive_some(2)
            query = dns.message.from_wire(await stream.receive_some(int.from_bytes(head, "big")))
            self.transfers += 1
            if self.hangs:
                await trio.sleep_forever()
            if not self.made:
                self.made = [one.to_wire(max_size=65535) for one in self._replies(query)]
            number = query.id.to_bytes(2, "big")
            octets = b"".join(frame(number + one[2:]) for one in self.made)
            self.octets = len(octets)
            try:
                if self.rests_s:
                    await stream.send_all(octets[: len(octets) // 2])
                    await trio.sleep(self.rests_s)
                    octets = octets[len(octets) // 2 :]
                self.has_sent = True
                await stream.send_all(octets[: self.cut_after])
                while self.endless:
                    await stream.send_all(octets[: len(octets) // 2])
            except trio.BrokenResourceError:
                pass

    def _replies(self, query: dns.message.Message) -> list[dns.message.Message]:
        soa = [one for one in self.records if one.rtype == RRType.SOA][:1]
        rest = [one for one in self.records if one.rtype != RRType.SOA]
        others = [one for one in self.records if one.rtype == RRType.SOA][1:]
        ordered = [*soa, *rest, *others, *soa]
        made = []
        for at in range(0, len(ordered), _A_MESSAGE):
            reply = dns.message.make_response(query)
            reply.flags |= dns.flags.AA
            for owner, rtype, ttl, rdata in ordered[at : at + _A_MESSAGE]:
                name = dns.name.from_wire(owner, 0)[0]
                reply.answer.append(dns.rrset.from_rdata(name, ttl, parsed(rtype, rdata)))
            made.append(reply)
        return made


@asynccontextmanager
async def transferring(records: list[ZoneRecord], **faults: object) -> AsyncIterator[Master]:
    """A master for *records* at 127.0.0.1, at its `port`."""
    master = Master(records, **faults)  # type: ignore[arg-type]
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(_serve, master)
        master.port = listeners[0].socket.getsockname()[1]
        yield master
        nursery.cancel_scope.cancel()


async def _serve(master: Master, task_status: trio.TaskStatus[list[trio.SocketListener]]) -> None:
    await trio.serve_tcp(master.serve, 0, host="127.0.0.1", task_status=task_status)
