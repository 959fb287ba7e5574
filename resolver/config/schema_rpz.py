"""The keys of `[[rpz]]`: response policy zones, from files or from their primaries.

A part of `schema`, which has the whole file.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from resolver import limits
from resolver.config.schema_zones import Section


class Rpz(Section, frozen=True, kw_only=True):
    """A response policy zone. Several count in the order in which they stand here."""

    zone: Annotated[str, Meta(description='its name, such as "rpz.example"')]
    file: Annotated[
        str, Meta(description="a zone file that it is read from, again whenever that changes")
    ] = ""
    primaries: Annotated[
        tuple[str, ...],
        Meta(
            description='servers that it is transferred from, in the place of a file: "192.0.2.1", '
            'or "tls://192.0.2.1#NAME" (RFC 9103); they alone may send NOTIFY'
        ),
    ] = ()
    tsig: Annotated[
        str,
        Meta(
            description='what transfers are signed with: "hmac-sha256:NAME:SECRET" (or sha384, '
            'sha512), or the path of a file that has that in it; "" signs nothing'
        ),
    ] = ""
    ca_file: Annotated[
        str,
        Meta(description='certificates (PEM) to believe of primaries; "" believes the system\'s'),
    ] = ""
    pins: Annotated[
        tuple[str, ...],
        Meta(description='keys to believe, instead of any issuer: "sha256/BASE64"'),
    ] = ()
    override: Annotated[
        str,
        Meta(
            description='what all its rules do, whatever they say: "nxdomain", "nodata", '
            '"passthru", "drop", "tcp-only", "cname:NAME", "disabled" (is only told); "given" is '
            "as they say"
        ),
    ] = "given"
    tags: Annotated[
        tuple[str, ...],
        Meta(description="only for clients whose [[view]] has one of these; [] is for all"),
    ] = ()
    on_expiry: Annotated[
        Literal["keep", "drop"],
        Meta(
            description='when its primaries are silent for longer than its SOA allows: "keep" goes '
            'by the last copy, and warns; "drop" goes without'
        ),
    ] = "keep"
    ede: Annotated[
        Literal["blocked", "censored", "filtered"],
        Meta(description="what clients are told as the reason: EDE 15, 16 or 17"),
    ] = "blocked"
    log: Annotated[bool, Meta(description="a log line for each answer that it changes")] = False
    max_entries: Annotated[
        int,
        Meta(
            ge=limits.RPZ_ENTRIES_RANGE[0],
            le=limits.RPZ_ENTRIES_RANGE[1],
            description="triggers at most; what is beyond is left out, and told",
        ),
    ] = limits.RPZ_ENTRIES
