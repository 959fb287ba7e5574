"""What a dnstap message is of: its kinds, as dnstap.proto numbers them, and who spoke with whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from resolver.protocol.transport import Transport

RESOLVER_QUERY: Final = 3
RESOLVER_RESPONSE: Final = 4
CLIENT_QUERY: Final = 5
CLIENT_RESPONSE: Final = 6
FORWARDER_QUERY: Final = 7
FORWARDER_RESPONSE: Final = 8


class Peers(NamedTuple):
    """Raw addresses, b"" where unknown; ports, 0 where unknown."""

    transport: Transport
    asker: bytes
    asker_port: int
    server: bytes
    server_port: int
