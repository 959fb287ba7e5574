"""Code that is loaded where it is wanted, before the daemon becomes who may not read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.config.listen_urls import listen_url
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterable


def load(listen: Iterable[str]) -> None:
    """What clients are served with at these places (`server.listen`)."""
    spoken = {transport for text in listen for transport in listen_url(text).transports}
    if Transport.HTTPS in spoken:
        from resolver.listen import web  # noqa: F401, PLC0415 - tens of milliseconds each
    if Transport.QUIC in spoken:
        from resolver.daemon import quic_terms  # noqa: F401, PLC0415
