"""The keys of `[dns64]`: IPv6 addresses for names that have IPv4 ones only.

A part of `schema`, which has the whole file.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from resolver.config.schema_zones import Section


class Dns64(Section, frozen=True, kw_only=True):
    prefix: Annotated[
        str,
        Meta(
            description="make AAAA records from A records for this prefix of the network's NAT64 "
            '(RFC 6147): "64:ff9b::/96"; "auto" finds it (RFC 7050); "" makes none'
        ),
    ] = ""
