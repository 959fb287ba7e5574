"""The keys of `[resolution]`: how questions are resolved, and what is made of what is found.

A part of `schema`, which has the whole file.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from resolver import limits
from resolver.config.rebinding_names import ALLOWED
from resolver.config.schema_zones import Section


class Resolution(Section, frozen=True, kw_only=True):
    qname_minimisation: Annotated[
        bool, Meta(description="tell each server no more of the name than it needs (RFC 9156)")
    ] = True
    harden_glue: Annotated[
        bool, Meta(description="believe glue only below the zone cut that hands it out")
    ] = True
    local_zones: Annotated[
        bool,
        Meta(description="answer localhost, private reverse zones and their like here (RFC 6303)"),
    ] = True
    prefetch: Annotated[
        bool, Meta(description="renew what is used before it expires, so that no client waits")
    ] = True
    serve_stale: Annotated[
        bool, Meta(description="answer with expired data while no server can be reached (RFC 8767)")
    ] = True
    stale_after: Annotated[
        float,
        Meta(
            ge=limits.STALE_AFTER_SECONDS_RANGE[0],
            le=limits.STALE_AFTER_SECONDS_RANGE[1],
            description="seconds that a client waits before it is told expired data",
        ),
    ] = limits.STALE_AFTER_SECONDS
    stale_ttl: Annotated[
        int,
        Meta(
            ge=limits.STALE_TTL_SECONDS_RANGE[0],
            le=limits.STALE_TTL_SECONDS_RANGE[1],
            description="seconds of TTL with which expired data is told, at most",
        ),
    ] = limits.STALE_TTL_SECONDS
    stale_never: Annotated[
        tuple[str, ...],
        Meta(description="names that are never told from expired data, with all below them"),
    ] = ()
    rebinding: Annotated[
        bool,
        Meta(
            description="leave private addresses out of answers for public names, against web "
            "pages that reach into a home (DNS rebinding)"
        ),
    ] = False
    rebinding_allow: Annotated[
        tuple[str, ...],
        Meta(
            description="names that may have private addresses, with all below them; forward and "
            "stub zones may anyway"
        ),
    ] = ALLOWED
    query_timeout: Annotated[
        float,
        Meta(
            ge=limits.QUERY_SECONDS_RANGE[0],
            le=limits.QUERY_SECONDS_RANGE[1],
            description="seconds from a client's query to its answer, SERVFAIL at the latest",
        ),
    ] = limits.QUERY_SECONDS
