"""The keys of `[tls]`, `[https]` and `[ddr]`: what encrypted listeners show, and who is told.

A part of `schema`, which has the whole file.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from resolver import limits
from resolver.config.schema_zones import Section
from resolver.protocol.transport import DOH_PATH


class Tls(Section, frozen=True, kw_only=True):
    certificate: Annotated[
        str | tuple[str, ...],
        Meta(
            description="PEM file of the certificate with its chain, or a list of them; "
            '"" makes one, kept in working_directory'
        ),
    ] = ""
    key: Annotated[
        str | tuple[str, ...],
        Meta(description='PEM file of the private key, one a certificate; "" is in the same file'),
    ] = ""
    names: Annotated[
        tuple[str, ...],
        Meta(
            description='names that a certificate made here is for: "dns.example.net"; the first '
            "is the one that clients are told (ddr.answer). Addresses too, where clients reach it "
            "at others than those of server.listen"
        ),
    ] = ()
    min_version: Annotated[
        Literal["1.2", "1.3"], Meta(description="the oldest version of TLS that clients may use")
    ] = "1.2"
    padding: Annotated[
        int,
        Meta(
            ge=limits.PADDING_OCTETS_RANGE[0],
            le=limits.PADDING_OCTETS_RANGE[1],
            description="octets that encrypted replies are padded to a multiple of, to clients "
            "that pad their queries (RFC 8467); 0 is off",
        ),
    ] = limits.PADDING_OCTETS


class Https(Section, frozen=True, kw_only=True):
    paths: Annotated[
        tuple[str, ...],
        Meta(
            description="where DNS over HTTPS is served, besides the path of a URL in "
            "server.listen; its JSON form is at /resolve too"
        ),
    ] = (DOH_PATH,)
    cors: Annotated[
        bool, Meta(description="let scripts of any web page ask (access-control-allow-origin: *)")
    ] = False
    http3: Annotated[
        bool,
        Meta(
            description="serve HTTP/3 too, on the same UDP port, and say so (Alt-Svc), where "
            "aioquic is installed"
        ),
    ] = True


class Ddr(Section, frozen=True, kw_only=True):
    answer: Annotated[
        bool,
        Meta(
            description="tell clients that ask at resolver.arpa where the same is to be had "
            "encrypted, if the certificate fits (RFC 9462), and what this resolver does (RFC 9606)"
        ),
    ] = True
