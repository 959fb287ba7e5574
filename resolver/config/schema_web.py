"""The keys of `[web]`: the page.

A part of `schema`, which has the whole file.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from resolver.config.schema_zones import REOPENS, Section


class Web(Section, frozen=True, kw_only=True):
    listen: Annotated[
        str,
        Meta(
            description='address of the page, "127.0.0.1:8053"; off loopback over TLS, with its '
            'token only; "" is off'
        ),
        REOPENS,
    ] = ""
    token_file: Annotated[
        str,
        Meta(
            description="file of the token that shows names and may act, made at the first start; "
            '"" is web-token in working_directory'
        ),
        REOPENS,
    ] = ""
