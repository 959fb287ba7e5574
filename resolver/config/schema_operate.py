"""The keys of `[control]`: who may ask a running daemon, and how.

A part of `schema`, which has the whole file.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from resolver.config.schema_zones import REOPENS, Section


class Control(Section, frozen=True, kw_only=True):
    socket: Annotated[
        str,
        Meta(
            description='Unix socket of "resolver control"; "auto" is "control" in the runtime '
            'directory (/run/resolver), "" is off'
        ),
        REOPENS,
    ] = "auto"
    admins: Annotated[
        tuple[str | int, ...],
        Meta(
            description="accounts, by name or number, that may act by it, besides root; whoever "
            "can open it may look"
        ),
        REOPENS,
    ] = ()
