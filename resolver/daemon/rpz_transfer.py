"""A zone from one of its primaries: differences (IXFR) where we hold a version, else all (AXFR).

Over TCP (RFC 5936 §4.2), or TLS (RFC 9103). Whatever is wrong with differences (they do not fit
what is held, the server does not know how, the serial went backwards) is answered by asking for all
of it. What is not whole and signed to its end is thrown away by who called: nothing is kept before
the last record is here. RFC 1995, RFC 5936, RFC 1982.
"""

from __future__ import annotations

import ssl
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
import trio

from resolver.config.check_forwards import pin
from resolver.daemon.rpz_tsig import Signer
from resolver.errors import WireError
from resolver.limits import RPZ_OCTETS, RPZ_SILENCE_SECONDS
from resolver.model import Server
from resolver.policy.rpz_zone import Rule
from resolver.protocol import names
from resolver.protocol.codes import RRType, rcode_text
from resolver.protocol.framing import Splitter, frame
from resolver.protocol.transport import Transport
from resolver.protocol.wire import parse_untrusted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from resolver.daemon.rpz_job import Job, Primary
    from resolver.policy.rpz_zone import PolicyZone
    from resolver.protocol.message import Message, Record

    Made = Callable[[], PolicyZone]

_AT_ONCE: Final = 65_536
_RCODE: Final = 15
_HALF: Final = 1 << 31
_SERIALS: Final = 1 << 32
_SERIAL_AT: Final = -20


class NotThat(WireError):
    """Differences are of no use here; all of the zone is."""


@dataclass(slots=True)
class Transferred:
    """What came: *zone* None: nothing newer. *way* as in `rpz_job.Outcome`."""

    way: str
    zone: PolicyZone | None = None


@dataclass(slots=True)
class Transfer:
    """One job's. *empty* makes a zone of nothing, *held* the version that is in use, if any."""

    job: Job
    empty: Made
    held: Made | None
    octets: int = field(default=0)

    async def of(self, primary: Primary) -> Transferred:
        """From *primary*. Raises OSError, WireError."""
        if self.held is not None:
            zone = self.held()
            if zone.soa is not None:
                try:
                    return await self._asked(primary, zone, is_difference=True)
                except NotThat:
                    pass
        return await self._asked(primary, self.empty(), is_difference=False)

    async def _asked(
        self, primary: Primary, zone: PolicyZone, *, is_difference: bool
    ) -> Transferred:
        origin = dns.name.from_wire(zone.zone, 0)[0]
        rtype = dns.rdatatype.IXFR if is_difference else dns.rdatatype.AXFR
        query = dns.message.make_query(origin, rtype)
        query.flags = 0  # it is not to recurse
        if is_difference:
            assert zone.soa is not None  # noqa: S101  # by who called
            query.authority.append(
                dns.rrset.from_text(origin, 0, "IN", "SOA", f". . {zone.soa.serial} 0 0 0 0")
            )
        taking = Taking(zone, self.empty, is_difference=is_difference)
        signer = Signer(self.job.tsig)
        stream = await _connected(self.job, primary)
        async with stream, aclosing(self._messages(stream)) as messages:
            await stream.send_all(frame(signer.sign(query)))
            async for octets in messages:
                signer.check_untrusted(octets)
                if taking.take_untrusted(octets, query.id):
                    signer.end()
                    return taking.done()
        raise WireError("the transfer was cut off")

    async def _messages(self, stream: trio.abc.Stream) -> AsyncGenerator[bytes, None]:
        """The messages of a reply, as they come. Raises OSError, WireError."""
        splitter, received = Splitter(), 0
        while True:
            try:
                with trio.fail_after(RPZ_SILENCE_SECONDS):
                    octets = await stream.receive_some(_AT_ONCE)
            except trio.TooSlowError:
                raise WireError(f"nothing came for {RPZ_SILENCE_SECONDS:.0f} s") from None
            except (trio.BrokenResourceError, ssl.SSLError):
                return
            received += len(octets)
            self.octets += len(octets)
            if not octets:
                return
            if received > RPZ_OCTETS:
                raise WireError(f"more than {RPZ_OCTETS} octets")
            for message in splitter.feed(bytes(octets)):
                yield message


class Taking:
    """The records of one reply, in turn, put into a zone."""

    def __init__(self, zone: PolicyZone, empty: Made, *, is_difference: bool) -> None:
        self._zone = zone
        self._empty = empty
        self._is_difference = is_difference
        self._held = zone.soa.serial if is_difference and zone.soa is not None else -1
        self._newest = -1  # the serial that the reply is to end with
        self._at = self._held  # the serial that what was taken makes
        self._seen = 0
        self._way = "ixfr" if is_difference else "axfr"
        self._deletes = False
        self._soa: Record | None = None
        self._is_over = False

    def take_untrusted(self, octets: bytes, identifier: int) -> bool:
        """The next message; True if it was the last. Raises WireError, NotThat."""
        message = parse_untrusted(octets)
        if message.id != identifier or not message.flags & 0x8000:
            raise WireError("a reply to another question")
        rcode = message.flags & _RCODE
        if rcode:
            self._refuse(f"it says {rcode_text(rcode)}")
        if not message.answer:
            self._refuse("an empty reply")
        for record in self._checked(message):
            self._record(record)
        if self._seen == 1 and self._way == "ixfr":
            return self._alone()
        return self._is_over

    def done(self) -> Transferred:
        """What was taken, which is whole."""
        if self._way == "same":
            return Transferred("same")
        if self._zone.soa is None:
            raise WireError("a zone without SOA")
        return Transferred(self._way, self._zone)

    def _refuse(self, why: str) -> None:
        if self._is_difference and self._way == "ixfr":
            raise NotThat(why)
        raise WireError(why)

    def _checked(self, message: Message) -> Iterator[Record]:
        for record in message.answer:
            if self._is_over:
                self._refuse("records behind the end")
            yield record

    def _record(self, record: Record) -> None:
        self._seen += 1
        is_soa = record.rtype == RRType.SOA and record.owner == self._zone.zone
        if self._seen == 1:
            if not is_soa:
                self._refuse("a transfer that does not begin with SOA")
            self._soa, self._newest = record, _serial(record)
        elif self._way == "ixfr" and self._seen == 2:  # noqa: PLR2004  # RFC 1995 §4
            self._second(record, is_soa=is_soa)
        elif is_soa:
            self._again(record)
        elif self._way == "ixfr" and self._deletes:
            self._change(record, is_gone=True)
        else:
            self._change(record, is_gone=False)

    def _second(self, record: Record, *, is_soa: bool) -> None:
        """Here it shows whether differences come, or all of the zone after all."""
        if not is_soa or _serial(record) == self._newest != self._held:
            self._way, self._zone = "axfr", self._empty()
            self._record_again(record, is_soa=is_soa)
            return
        if _serial(record) != self._held:
            raise NotThat("differences to another version")
        self._deletes = True

    def _record_again(self, record: Record, *, is_soa: bool) -> None:
        if is_soa:
            self._again(record)
        else:
            self._change(record, is_gone=False)

    def _again(self, record: Record) -> None:
        """A further SOA: the end of a whole zone; in differences each ends one half of a step."""
        serial = _serial(record)
        if self._way == "axfr":
            if serial != self._newest:
                self._refuse("a zone that changed while it was transferred")
            self._end(record)
        elif self._deletes:
            self._deletes, self._at = False, serial
        elif serial != self._at:
            raise NotThat("differences that do not follow each other")
        elif serial == self._newest:
            self._end(record)
        else:
            self._deletes = True

    def _end(self, record: Record) -> None:
        self._zone.add(names.ROOT, Rule(RRType.SOA, record.ttl, record.rdata))
        self._is_over = True

    def _change(self, record: Record, *, is_gone: bool) -> None:
        zone = self._zone
        try:
            trigger = zone.trigger(record.owner)
            rule = Rule(record.rtype, record.ttl, record.rdata)
            if is_gone:
                zone.remove(trigger, rule)
            else:
                zone.add(trigger, rule)
        except WireError as error:
            if not is_gone:
                zone.report.note(names.to_text(record.owner), str(error))

    def _alone(self) -> bool:
        """One SOA, so far: nothing is newer, unless more comes."""
        behind = (self._newest - self._held) % _SERIALS
        if behind == 0:
            self._way = "same"
            return True
        if behind >= _HALF:
            raise NotThat("its serial went backwards")
        return False


def _serial(record: Record) -> int:
    return int.from_bytes(record.rdata[_SERIAL_AT : _SERIAL_AT + 4], "big")


async def _connected(job: Job, primary: Primary) -> trio.abc.Stream:
    """A stream to *primary*. Raises OSError, WireError where it does not prove who it is."""
    is_v6 = ":" in primary.host
    ours = next((one for one in job.leave_from if (":" in one) == is_v6), None)
    with trio.move_on_after(RPZ_SILENCE_SECONDS):
        stream = await trio.open_tcp_stream(primary.host, primary.port, local_address=ours)
        return await _secured(job, primary, stream) if primary.is_tls else stream
    raise WireError(f"no connection within {RPZ_SILENCE_SECONDS:.0f} s")


async def _secured(job: Job, primary: Primary, stream: trio.SocketStream) -> trio.abc.Stream:
    """RFC 9103 §7.5, §9.3: the strict profile; on the terms that forwarders have to keep to.

    They are loaded here: who has no zone over TLS does without certificates, at every start.
    """
    from resolver.upstream import tls_terms  # noqa: PLC0415 - see above

    server = Server(
        primary.host, primary.port, transport=Transport.TLS, auth_name=primary.auth_name
    )
    context = tls_terms.proving(job.authorities)
    if job.pins:
        context = tls_terms.believing_anybody()
    secured = trio.SSLStream(
        stream, context, server_hostname=tls_terms.name_to_prove(server),
        https_compatible=True,
    )  # fmt: skip
    try:
        await secured.do_handshake()
    except (trio.BrokenResourceError, ssl.SSLError, OSError) as error:
        cause = error.__cause__ or error
        said = getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or str(cause)
        raise WireError(f"TLS: {said}") from None
    if job.pins:
        der = secured.getpeercert(binary_form=True) or b""
        if tls_terms.key_digest(der) not in {pin(one) for one in job.pins}:
            raise WireError("TLS: its key is none of those that are pinned")
    return secured
