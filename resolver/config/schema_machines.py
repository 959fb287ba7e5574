"""The keys of `[valkey]`: what machines share.

A part of `schema`, which has the whole file.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from resolver import limits
from resolver.config.schema_zones import RESTARTS, Section


class Valkey(Section, frozen=True, kw_only=True):
    url: Annotated[
        str,
        Meta(
            description="Valkey or Redis in which machines share what they learnt: "
            '"redis://HOST:PORT/DB", "rediss://USER@HOST" (TLS), "unix:///PATH", '
            '"redis+sentinel://HOST,HOST/SERVICE", "redis+cluster://HOST,HOST"; "" is off'
        ),
        RESTARTS,
    ] = ""
    secret_file: Annotated[
        str,
        Meta(
            description="file of the secret that all these machines have, 16 octets at least: "
            "what was not sealed with it is not believed"
        ),
        RESTARTS,
    ] = ""
    prefix: Annotated[
        str, Meta(description="what all keys there begin with", max_length=64), RESTARTS
    ] = "resolver:"
    timeout_ms: Annotated[
        int,
        Meta(
            ge=limits.SHARED_TIMEOUT_MS_RANGE[0],
            le=limits.SHARED_TIMEOUT_MS_RANGE[1],
            description="milliseconds after which a look-up there is given up",
        ),
        RESTARTS,
    ] = limits.SHARED_TIMEOUT_MS
    read_from: Annotated[
        str,
        Meta(
            description='where to look up, if not where is written: "replicas" of a sentinel\'s '
            'service or a cluster, or the URL of a replica; "" is the same'
        ),
        RESTARTS,
    ] = ""
    password_file: Annotated[
        str, Meta(description="file of the password, which then is not in the URL"), RESTARTS
    ] = ""
    ca_file: Annotated[
        str,
        Meta(description='certificates of who vouches for it (TLS); "" takes the system\'s'),
        RESTARTS,
    ] = ""
