"""The keys of `[policy]`, `[[block]]` and `[[allow]]`: what is blocked, and how that is told.

A part of `schema`, which has the whole file.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from resolver import limits
from resolver.config.schema_zones import Section


class Policy(Section, frozen=True, kw_only=True):
    block_answer: Annotated[
        Literal["null", "nxdomain", "nodata", "refused"] | tuple[str, ...],
        Meta(
            description='what blocked names are answered with: "null" (0.0.0.0 and ::, nothing for '
            'other types), "nxdomain", "nodata", "refused", or addresses of your own'
        ),
    ] = "null"
    block_ttl: Annotated[
        int,
        Meta(
            ge=limits.BLOCK_TTL_SECONDS_RANGE[0],
            le=limits.BLOCK_TTL_SECONDS_RANGE[1],
            description="seconds of TTL of such an answer",
        ),
    ] = limits.BLOCK_TTL_SECONDS
    allow: Annotated[
        tuple[str, ...],
        Meta(description="names that no list blocks, with all below them"),
    ] = ()
    contact: Annotated[
        tuple[str, ...],
        Meta(
            description='whom to ask why a name is blocked, as URIs ("mailto:..."): told to '
            "clients that want structured errors"
        ),
    ] = ()
    firefox_canary: Annotated[
        bool,
        Meta(
            description="use-application-dns.net does not exist: Firefox stays with this resolver"
        ),
    ] = False
    icloud_private_relay_block: Annotated[
        bool,
        Meta(description="mask.icloud.com does not exist: Apple's devices use no Private Relay"),
    ] = False


class NameList(Section, frozen=True, kw_only=True):
    """A list of names."""

    name: Annotated[
        str, Meta(description='what clients and logs are told; "" takes the last part of source')
    ] = ""
    source: Annotated[str, Meta(description="where it is: the path of a file, or an https:// URL")]
    format: Annotated[
        Literal["auto", "hosts", "domains", "adblock", "rpz"],
        Meta(description="how it is written; auto finds that out"),
    ] = "auto"
    tags: Annotated[
        tuple[str, ...],
        Meta(description="only for clients whose [[view]] has one of these; [] is for all"),
    ] = ()


class Block(NameList, frozen=True, kw_only=True):
    """What it lists is blocked."""

    action: Annotated[
        Literal["", "null", "nxdomain", "nodata", "refused", "as-listed"] | tuple[str, ...],
        Meta(
            description='in the place of policy.block_answer; "as-listed": with the addresses '
            "that a hosts file has"
        ),
    ] = ""
    reason: Annotated[
        Literal["", "censored"],
        Meta(description='"censored": the law wants it so, and clients are told that (EDE 16)'),
    ] = ""


class Allow(NameList, frozen=True, kw_only=True):
    """What it lists is let through, whatever is blocked."""
