"""The keys of `[local]` and `[[local.zone]]`: names that are answered from here.

A part of `schema`, which has the whole file.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from resolver.config.schema_zones import Section

Mode = Literal[
    "transparent",
    "typetransparent",
    "static",
    "redirect",
    "refuse",
    "deny",
    "always_nxdomain",
    "always_nodata",
    "always_null",
    "always_refuse",
    "always_deny",
    "always_transparent",
    "block_a",
    "block_aaaa",
    "nodefault",
]


class LocalZone(Section, frozen=True, kw_only=True):
    """A zone of one's own: what is said of names in it that have no records here."""

    zone: Annotated[str, Meta(description="its name; all below it is meant too")]
    mode: Annotated[
        Mode,
        Meta(
            description='of names without records: "static" says that they do not exist, '
            '"transparent" resolves them, "redirect" gives all the zone\'s own records; '
            "docs/local.md has the table"
        ),
    ] = "transparent"
    records: Annotated[
        str, Meta(description='its records, a line each: "nas.home.arpa. 60 A 192.168.1.10"')
    ] = ""
    tags: Annotated[
        tuple[str, ...],
        Meta(description="only for clients of a [[view]] with one of these; [] is all"),
    ] = ()


class Local(Section, frozen=True, kw_only=True):
    """Names of one's own network."""

    records: Annotated[
        str,
        Meta(
            description='records as in a zone file, a line each: "nas.home.arpa. 60 A '
            '192.168.1.10"; names for addresses (PTR) are made of them'
        ),
    ] = ""
    hosts_files: Annotated[
        tuple[str, ...],
        Meta(description='files such as "/etc/hosts", read again when they change'),
    ] = ()
    leases_file: Annotated[
        str,
        Meta(description="leases of dnsmasq or Kea (CSV, JSON), read again when they change"),
    ] = ""
    domain: Annotated[
        str, Meta(description="where hosts of leases are found, besides their bare name")
    ] = "home.arpa"
    mode: Annotated[
        Literal["transparent", "typetransparent", "static", "redirect"],
        Meta(
            description='of other types at these names, and of names below them: "transparent" '
            'says that the types do not exist; "typetransparent" resolves them; "static" says so '
            'of names below too; "redirect" gives those the same records'
        ),
    ] = "transparent"
    tags: Annotated[
        tuple[str, ...],
        Meta(description="only for clients of a [[view]] with one of these; [] is all"),
    ] = ()
    private_reverse: Annotated[
        str,
        Meta(
            description="the router that knows names for private addresses, such as "
            '"192.168.1.1"; "" answers them from here'
        ),
    ] = ""
    zone: tuple[LocalZone, ...] = ()


class Rewrite(Section, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Names that stand for others: the client gets an alias, and what it leads to."""

    from_: Annotated[
        str, Meta(description='a name, or "*.eth" for all below one; the most specific counts')
    ]
    to: Annotated[
        str, Meta(description='what is resolved instead: "*.eth.limo" keeps what stood before')
    ]
