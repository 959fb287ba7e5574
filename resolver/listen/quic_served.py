"""What the connections over QUIC of one listener share: who is asked, and who may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resolver.listen.admission import Admission
    from resolver.listen.listen_network import FastPath, Handler
    from resolver.protocol.transport import Transport


class Served:
    """*transport* is what is spoken there."""

    def __init__(
        self,
        handler: Handler,
        admission: Admission,
        host: str,
        transport: Transport,
        place: str = "",
    ) -> None:
        self.admission = admission
        self.host = host
        self.place = place or host
        self.transport = transport
        self.queries = 0
        self.hand_to(handler)

    def __repr__(self) -> str:
        return f"<Served {self.transport.value}://{self.host}: {self.queries} queries>"

    def hand_to(self, handler: Handler) -> None:
        """What comes from now on goes to *handler*."""
        self.handler: Handler = handler
        self.fast_path: FastPath = handler.fast_path(self.transport, self.place)
