"""Encrypted servers: a pool of sessions for each, and a port for each query to one of them.

Only servers whose *terms* are known are asked, and those that went with a configuration are let go
with it. Loaded only where a configuration names such servers.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from resolver.model import Server
from resolver.protocol.transport import Transport
from resolver.upstream.session_pool import Means, SessionPool
from resolver.upstream.tls_connect import TlsConnect

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping
    from random import Random

    import trio

    from resolver.delegation import Key
    from resolver.upstream.link_profile import LinkProfile
    from resolver.upstream.network import Network, UdpPort
    from resolver.upstream.session import Connect, SessionPort
    from resolver.upstream.session_counters import SessionCounters
    from resolver.upstream.tls_terms import Terms


def load(transports: Container[Transport]) -> None:
    """What is needed to ask over these."""
    if Transport.HTTPS in transports:
        from resolver.upstream import https_session  # noqa: F401, PLC0415 - tens of milliseconds
    if Transport.QUIC in transports:
        from resolver.upstream import quic_connect  # noqa: F401, PLC0415


class Sessions:
    """All of them. *hear* and *departed* as in `session_pool.Means`.

    *carriers*: who takes the datagrams of ports that carry sessions.
    """

    def __init__(
        self,
        *,
        network: Network,
        carriers: dict[UdpPort, Callable[[bytes | OSError], None]],
        rng: Random,
        counters: SessionCounters,
        hear: Callable[[SessionPort, bytes | OSError], None],
        departed: Callable[[SessionPort], None],
        keeps_warm: Callable[[], bool],
        believes_clock: Callable[[], bool],
        link: LinkProfile,
    ) -> None:
        self._network = network
        self._carriers = carriers
        self._rng = rng
        self._counters = counters
        self._hear = hear
        self._departed = departed
        self._keeps_warm = keeps_warm
        self._believes_clock = believes_clock
        self._link = link
        self._pools: dict[Key, SessionPool] = {}
        self._terms: Mapping[Key, Terms] = {}
        self._found: dict[Key, Terms] = {}
        self._cold: set[Key] = set()  # of those
        self.nursery: trio.Nursery | None = None

    def __repr__(self) -> str:
        return f"<Sessions with {len(self._pools)} servers>"

    def go_by(self, terms: Mapping[Key, Terms]) -> None:
        """Ask these servers, on these terms, from the next query on.

        What they are asked with is loaded now: whom the daemon becomes may not read it later.
        """
        load({transport for _, _, transport, _ in terms})
        before, self._terms = self._terms, terms
        for key, pool in list(self._pools.items()):
            if terms.get(key) != before.get(key):
                del self._pools[key]
                pool.end()

    def learn(self, key: Key, terms: Terms | None, *, stays_warm: bool = True) -> None:
        """Ask a server that no configuration names on these terms; None: no longer.

        *stays_warm*: as `Means.keeps_warm`.
        """
        if self._found.get(key) != terms and key not in self._terms:
            pool = self._pools.pop(key, None)
            if pool is not None:
                pool.end()
        self._found.pop(key, None)
        self._cold.discard(key)
        if terms is not None:
            self._found[key] = terms
            if not stays_warm:
                self._cold.add(key)

    def warm_up(self, allows: Callable[[Server], bool]) -> None:
        """Open a session with each server of the configuration that was never asked, if it may be.

        Raises OSError before there is a nursery.
        """
        for host, port, transport, name in self._terms:
            server = Server(host, port, transport=transport, auth_name=name)
            if server.key not in self._pools and allows(server):
                self._pool(server).warm_up()

    async def prove(self, server: Server, within_s: float | None = None) -> str:
        """As `SessionPool.prove`. Raises OSError where it may not be asked."""
        return await (self._pools.get(server.key) or self._pool(server)).prove(within_s)

    def open_udp(self, server: Server) -> UdpPort:
        """A port to *server*, whatever it is asked over. Raises OSError."""
        if server.transport is Transport.UDP:
            return self._network.open_udp(server)
        return (self._pools.get(server.key) or self._pool(server)).open()

    def _pool(self, server: Server) -> SessionPool:
        terms, nursery = self._terms.get(server.key) or self._found.get(server.key), self.nursery
        if terms is None or nursery is None:
            raise OSError(errno.ENOTCONN, "no terms on which it may be asked")
        connect = self._connect(server, terms, nursery)
        keeps_warm = (lambda: False) if server.key in self._cold else self._keeps_warm
        means = Means(
            nursery, self._hear, self._departed, self._counters, keeps_warm, self._link
        )  # fmt: skip
        pool = self._pools[server.key] = SessionPool(server, connect, means)
        return pool

    def _connect(self, server: Server, terms: Terms, nursery: trio.Nursery) -> Connect:
        if server.transport is Transport.QUIC:
            from resolver.upstream.quic_connect import QuicConnect  # noqa: PLC0415 - loads aioquic

            return QuicConnect(
                terms,
                network=self._network,
                carriers=self._carriers,
                counters=self._counters,
                believes_clock=self._believes_clock,
            )
        return TlsConnect(
            terms,
            network=self._network,
            nursery=nursery,
            rng=self._rng,
            counters=self._counters,
            believes_clock=self._believes_clock,
            link=self._link,
        )
