"""The keys of `[[view]]` and `[[schedule]]`: whom policy treats in which way, and when.

A part of `schema`, which has the whole file.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from resolver.config.schema_zones import Section

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class View(Section, frozen=True, kw_only=True):
    """A group of clients. Of several that a client is in, the most specific network decides, then
    the listener, then the transport; one without all three is everybody else's."""

    name: Annotated[str, Meta(description="what logs and tools call it")]
    clients: Annotated[
        tuple[str, ...],
        Meta(description='who is in it: networks such as "192.168.7.0/24"; [] is anybody'),
    ] = ()
    listen: Annotated[
        tuple[str, ...],
        Meta(
            description="only who asks there: entries of server.listen, or their address: "
            '"10.0.0.1"'
        ),
    ] = ()
    transports: Annotated[
        tuple[Literal["udp", "tcp", "tls", "https", "quic"], ...],
        Meta(description="only who asks in this way; HTTP/3 is https"),
    ] = ()
    tags: Annotated[
        tuple[str, ...], Meta(description="what is meant for clients with these tags is for it")
    ] = ()
    answer: Annotated[
        Literal["", "allow", "refuse", "drop"],
        Meta(
            description='"allow": served though server.allow_from has them not; "refuse": REFUSED; '
            '"drop": no answer; "" leaves it to server.allow_from'
        ),
    ] = ""
    serve_stale: Annotated[
        bool, Meta(description="false: no expired data for them (resolution.serve_stale)")
    ] = True
    rebinding: Annotated[
        bool, Meta(description="false: private addresses are told them (resolution.rebinding)")
    ] = True
    dns64: Annotated[bool, Meta(description="false: no made AAAA records (dns64.prefix)")] = True
    log: Annotated[
        Literal["", "off", "failures", "all"],
        Meta(description='their queries in the query log; "" is as log.queries says'),
    ] = ""

    @property
    def is_everybody(self) -> bool:
        """True for the view of who is in no other."""
        return not (self.clients or self.listen or self.transports)


class Schedule(Section, frozen=True, kw_only=True, rename={"from_": "from"}):
    """When a tag counts. Several of one tag add up; a tag without any counts always."""

    tag: Annotated[str, Meta(description="a tag of a [[view]], which counts at these times only")]
    days: Annotated[
        tuple[Day, ...],
        Meta(description="on which days it begins; past midnight it goes on into the next"),
    ] = DAYS
    from_: Annotated[str, Meta(description='when: "20:00", by the clock on the wall')]
    to: Annotated[str, Meta(description='until when: "07:00", or "24:00" at the end of the day')]
