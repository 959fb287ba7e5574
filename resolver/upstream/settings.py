"""What the configuration says about asking: the `[outgoing]` table, as `upstream` reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from resolver.limits import UDP_PAYLOAD


class OutgoingSettings(Protocol):
    """Satisfied by `config.schema.Outgoing`."""

    @property
    def ipv4(self) -> bool: ...
    @property
    def ipv6(self) -> bool: ...
    @property
    def udp_payload_size(self) -> int: ...
    @property
    def query_case_randomization(self) -> bool: ...
    @property
    def do_not_query_localhost(self) -> bool: ...
    @property
    def deny_private_addresses(self) -> bool: ...
    @property
    def speculation(self) -> bool: ...
    @property
    def nsid(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The defaults, for tests and benches that have no configuration."""

    ipv4: bool = True
    ipv6: bool = True
    udp_payload_size: int = UDP_PAYLOAD
    query_case_randomization: bool = True
    do_not_query_localhost: bool = True
    deny_private_addresses: bool = False
    speculation: bool = True
    nsid: bool = True
