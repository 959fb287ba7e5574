"""How many clients there is room for: by descriptors, by memory, and among workers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from resolver.config.shares import shares_of, workers_of
from resolver.limits import CLIENT_QUERIES, TCP_CONNECTIONS
from resolver.listen.quic_places import QuicPlaces
from resolver.listen.tcp import TcpSlots, slots_limit
from resolver.upstream.udp import descriptor_limit, in_flight_limit

if TYPE_CHECKING:
    from resolver.config.schema import Config
    from resolver.runtime.turns import Turns

_log = logging.getLogger(__name__)


def stream_places(config: Config, turns: Turns, *, tells: bool) -> TcpSlots:
    """For TCP and what is spoken over it; told where the system grants few descriptors."""
    shares, descriptors = shares_of(config), descriptor_limit()
    slots = slots_limit(descriptors)
    if tells and slots < TCP_CONNECTIONS:
        _log.warning(
            "room for %d TCP clients and %d questions to servers at a time, since only %d open "
            "files are allowed (LimitNOFILE=, ulimit -n)",
            slots, in_flight_limit(), descriptors,
        )  # fmt: skip
    return TcpSlots(total=min(slots, shares.places), unsent_octets=shares.unsent, turns=turns)


def quic_places(config: Config) -> QuicPlaces:
    """For QUIC, HTTP/3 among it."""
    return QuicPlaces(most_octets=shares_of(config).quic)


def waiting_queries(config: Config) -> int:
    """How many queries of clients may wait for an answer."""
    return min(CLIENT_QUERIES // workers_of(config), shares_of(config).queries_in_flight)
