"""The keys of `[geo]`: how far servers are.

A part of `schema`, which has the whole file.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from resolver.config.schema_zones import Section
from resolver.limits import FAR_MS_RANGE


class Geo(Section, frozen=True, kw_only=True):
    far_ms: Annotated[
        float,
        Meta(
            ge=FAR_MS_RANGE[0],
            le=FAR_MS_RANGE[1],
            description="milliseconds of a round trip from which on a server is beyond the link "
            "abroad; 0 finds that by measurement",
        ),
    ] = 0.0
