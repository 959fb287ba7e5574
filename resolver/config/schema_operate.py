"""The keys of `[log]`, `[metrics]` and `[control]`: what an operator sees, and how to ask.

A part of `schema`, which has the whole file.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from resolver.config.schema_zones import REOPENS, Section


class Log(Section, frozen=True, kw_only=True):
    destination: Annotated[str, Meta(description='"stderr" or the path of a file'), REOPENS] = (
        "stderr"
    )
    level: Annotated[
        Literal["error", "warning", "info", "debug"], Meta(description="how much is told"), REOPENS
    ] = "warning"
    queries: Annotated[bool, Meta(description="one line per query: names are personal data")] = (
        False
    )


class Metrics(Section, frozen=True, kw_only=True):
    listen: Annotated[
        str, Meta(description='HTTP address for Prometheus, "127.0.0.1:9153"; "" is off'), REOPENS
    ] = ""


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
