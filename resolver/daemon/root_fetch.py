"""A process of its own, at the lowest priority: transfers the root zone, judges it, keeps its file.

    python -m resolver.daemon.root_fetch < job > outcome

Sources are asked one after the other until one has a zone that is accepted; what is not whole and
right is thrown away, and the file that is kept stays. The daemon's own loop never sees a record of
the transfer: it maps the file. RFC 5936 (AXFR, by dnspython), RFC 8806, RFC 8976.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, NamedTuple

import dns.exception
import dns.message
import dns.name
import dns.rdatatype
import dns.xfr
import dns.zone
import msgspec
import trio

from resolver.daemon import child_life
from resolver.daemon.root_job import Job, Outcome
from resolver.daemon.state import ROOT_ZONE, StateDirectory
from resolver.dnssec.anchors import Anchor
from resolver.dnssec.steps import AtLeast
from resolver.dnssec.whole_zone import Accepted, judge
from resolver.dnssec.zonemd import ZoneRecord
from resolver.errors import WireError
from resolver.iterate.root_form import pack
from resolver.limits import (
    ROOT_COPY_OCTETS,
    ROOT_FETCH_SECONDS,
    ROOT_SOURCE_SECONDS,
)
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.framing import Splitter, frame
from resolver.protocol.wire import parse_untrusted

if TYPE_CHECKING:
    from collections.abc import Iterator

_AT_ONCE: Final = 65_536
_NOT_DNS = (dns.exception.DNSException, WireError, ValueError, EOFError)
_RCODE: Final = 15
_SOAS: Final = 2  # that a transfer has, the first and the last of its records (RFC 5936 §2.2)


class _Transfer(NamedTuple):
    """One source: *host*, *port*, and our own address towards it, or None."""

    host: str
    port: int
    leave_from: str | None


async def fetch(job: Job, state: StateDirectory) -> Outcome:
    """The first zone among the job's sources that is accepted, kept in *state*."""
    outcome = Outcome(troubles=[])
    with trio.move_on_after(ROOT_FETCH_SECONDS):
        for host, port in job.sources:
            ours = next((one for one in job.leave_from if (":" in one) == (":" in host)), None)
            trouble = await _fetch_from(_Transfer(host, port, ours), job, state, outcome)
            if not trouble:
                outcome.source = host
                break
            outcome.troubles.append(f"{host}: {trouble}")
    return outcome


async def _fetch_from(
    transfer: _Transfer, job: Job, state: StateDirectory, outcome: Outcome
) -> str:
    """Transfer, judge and keep the zone; why not, or "" if it is kept."""
    query = dns.message.make_query(dns.name.root, dns.rdatatype.AXFR)
    try:
        with trio.fail_after(ROOT_SOURCE_SECONDS):
            messages = await _transferred(transfer, query.to_wire(), outcome)
        zone = _zone(messages, query)
    except trio.TooSlowError:
        return f"it took longer than {ROOT_SOURCE_SECONDS:.0f} s"
    except OSError as error:
        return error.strerror or str(error)
    except _NOT_DNS as error:
        return f"the transfer failed ({str(error) or type(error).__name__})"
    anchor = Anchor(names.ROOT, tuple(job.ds), tuple(job.keys))
    wall = job.wall if job.is_exact else AtLeast(job.wall)
    verdict = judge(list(_records(zone)), anchor, job.sha1, wall=wall, held=job.held)
    if not isinstance(verdict, Accepted):
        return f"its zone is not used: {verdict.sentence}"
    if not state.write(ROOT_ZONE, pack(verdict, anchor)):
        return "its zone cannot be kept"
    state.date(ROOT_ZONE, job.dated)
    outcome.serial = verdict.serial
    return ""


async def _transferred(transfer: _Transfer, query: bytes, outcome: Outcome) -> list[bytes]:
    """The messages of an AXFR, none looked at closely before all are here.

    To read one takes us 50 ms, and at this priority a second where others are busy; Knot DNS hangs
    up on who keeps it waiting for half a second. Raises OSError, WireError, EOFError where it is
    cut off.
    """
    stream = await trio.open_tcp_stream(
        transfer.host, transfer.port, local_address=transfer.leave_from
    )
    splitter, messages, soas, received = Splitter(), list[bytes](), 0, 0
    async with stream:
        await stream.send_all(frame(query))
        while soas < _SOAS:
            octets = await stream.receive_some(_AT_ONCE)
            outcome.octets += len(octets)
            received += len(octets)
            if not octets:
                raise EOFError("it was cut off")
            if received > ROOT_COPY_OCTETS:
                raise EOFError(f"more than {ROOT_COPY_OCTETS} octets")
            for message in splitter.feed(bytes(octets)):
                messages.append(message)
                soas += _soas(message)
    return messages


def _soas(octets: bytes) -> int:
    """How many are in this message; a refusal is the end as well. Raises WireError."""
    message = parse_untrusted(octets)
    if message.flags & _RCODE:
        return _SOAS
    return sum(record.rtype == RRType.SOA for record in message.answer)


def _zone(messages: list[bytes], query: dns.message.Message) -> dns.zone.Zone:
    """What was transferred. Raises DNSException, ValueError, EOFError where it is no zone."""
    zone = dns.zone.Zone(dns.name.root, relativize=False)
    with dns.xfr.Inbound(zone, dns.rdatatype.AXFR) as inbound:
        for octets in messages:
            if inbound.process_message(_read(octets, query, zone)):
                return zone
    raise EOFError("it has no end")


def _read(octets: bytes, query: dns.message.Message, zone: dns.zone.Zone) -> dns.message.Message:
    reply = dns.message.from_wire(octets, xfr=True, origin=zone.from_wire_origin(), multi=True)
    if reply.id != query.id:
        raise ValueError("a reply to another question")
    return reply


def _records(zone: dns.zone.Zone) -> Iterator[ZoneRecord]:
    for name, rdataset in zone.iterate_rdatasets():
        owner = name.to_wire()
        assert owner is not None  # noqa: S101  # it is given no file to write to
        for rdata in rdataset:
            octets = rdata.to_wire()
            assert octets is not None  # noqa: S101
            yield ZoneRecord(owner.lower(), int(rdataset.rdtype), rdataset.ttl, octets)


def main() -> None:
    """The process: at the lowest priority, the first to go where memory is short."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    child_life.begin(job.parent)
    outcome = trio.run(fetch, job, StateDirectory.at(job.directory))
    outcome.cpu_s, outcome.peak_octets = child_life.spent()
    sys.stdout.buffer.write(msgspec.json.encode(outcome))


if __name__ == "__main__":
    main()
