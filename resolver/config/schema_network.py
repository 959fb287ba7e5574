"""The keys of `[network]`: what is taken from who configures the links of this machine.

A part of `schema`, which has the whole file.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from resolver.config.schema_zones import Section


class Network(Section, frozen=True, kw_only=True):
    forward_zones: Annotated[
        Literal["off", "networkd", "resolved", "networkmanager"],
        Meta(
            description="whose word is taken for zones that a link brings with it (a VPN's split "
            "DNS): they are forwarded to the link's name servers, unvalidated, while it is up"
        ),
    ] = "off"
