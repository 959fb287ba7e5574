"""Code that is loaded where it is wanted, before the daemon becomes who may not read it.

What servers are asked with is loaded where their terms are read (`upstream.sessions.load`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.config.http3 import http3_places
from resolver.config.listen_urls import listen_url
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from resolver.config.schema import Config


def load(config: Config) -> None:
    """What clients are served with at the places of `server.listen`, HTTP/3 among it; dnstap."""
    listen = config.server.listen
    spoken = {transport for text in listen for transport in listen_url(text).transports}
    has_http3 = bool(http3_places(config))
    if config.dnstap.to:
        from resolver.telemetry import dnstap  # noqa: F401, PLC0415
    if config.otel.endpoint:
        from resolver.telemetry import otel  # noqa: F401, PLC0415 - half a second
    if Transport.HTTPS in spoken:
        from resolver.listen import web  # noqa: F401, PLC0415 - tens of milliseconds each
    if Transport.QUIC in spoken or has_http3:
        from resolver.daemon import quic_terms  # noqa: F401, PLC0415
    if has_http3:
        from resolver.listen import http3  # noqa: F401, PLC0415
