"""The keys of `[[forward]]` and `[[stub]]`: zones whose questions go to servers given here.

A part of `schema`, which has the whole file.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

REOPENS = Meta(extra={"takes effect": "reopen"})
RESTARTS = Meta(extra={"takes effect": "restart"})


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


class Zone(Section, frozen=True, kw_only=True):
    """A zone whose questions go to servers given here."""

    zone: Annotated[str, Meta(description='a zone and all below it; "." is everything')]
    addresses: Annotated[
        tuple[str, ...], Meta(description='its servers: "192.0.2.1", "[2001:db8::1]:53"')
    ]
    validate: Annotated[
        bool, Meta(description="false: nothing in it is validated, as below a negative anchor")
    ] = True


class Forward(Zone, frozen=True, kw_only=True):
    """The servers are resolvers, asked to recurse."""

    addresses: Annotated[
        tuple[str, ...],
        Meta(
            description='its servers: "192.0.2.1" (= udp://), "tls://192.0.2.1#NAME" with the '
            'name that the certificate must prove, "https://NAME/PATH@192.0.2.1", '
            '"quic://192.0.2.1#NAME"'
        ),
    ] = ()
    provider: Annotated[
        str,
        Meta(
            description='a public resolver by name: "quad9" over TLS, "https://quad9" over HTTPS, '
            '"quic://quad9" over QUIC; docs/encryption.md has the table'
        ),
    ] = ""
    profile: Annotated[
        Literal["strict", "opportunistic"],
        Meta(
            description='"strict": proven by certificate or not asked at all; "opportunistic": '
            "encrypted where it can be, unproven, else in clear text"
        ),
    ] = "strict"
    ca_file: Annotated[
        str,
        Meta(description='certificates (PEM) to believe; "" believes those that the system does'),
    ] = ""
    pins: Annotated[
        tuple[str, ...],
        Meta(description='keys to believe, instead of any issuer: "sha256/BASE64" (RFC 7858 §4.2)'),
    ] = ()
    discover: Annotated[
        bool,
        Meta(
            description="ask servers given in clear text whether they are to be had encrypted "
            "(RFC 9462), and ask them so; those given as tls:// stay as they are"
        ),
    ] = False
    filters: Annotated[
        bool,
        Meta(description="the forwarders block names on purpose: 0.0.0.0 and :: say so"),
    ] = False
    first: Annotated[bool, Meta(description="resolve from the root where the forwarders fail")] = (
        False
    )
    fallback: Annotated[
        Literal["", "recurse"],
        Meta(description='"recurse" is another word for first = true; "" fails'),
    ] = ""


class Stub(Zone, frozen=True, kw_only=True):
    """The servers are authoritative."""

    first: Annotated[bool, Meta(description="resolve from the root where the servers fail")] = False
    prime: Annotated[
        bool, Meta(description="ask the servers for the zone's NS set, and then ask those")
    ] = False
    trust_anchor: Annotated[
        str,
        Meta(
            description='its own key to trust, a line each: "DS 12345 13 2 ABCDEF...", or DNSKEY; '
            '"" goes by what is above it'
        ),
    ] = ""
