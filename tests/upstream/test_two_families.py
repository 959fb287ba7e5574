"""A forwarder with addresses of both families, one of which leads nowhere: who asks waits for none.

RFC 8305 races connections, 250 ms apart. Here the selector does: each address has sessions of its
own, a question that is late at one is asked at the other, and who is silent comes last then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from resolver.lab.faults import Path
from tests.support import trio_test
from tests.upstream import https_servers, quic_servers, tls_servers
from tests.upstream.encrypted_worlds import ask, forward, running
from tests.upstream.tls_servers import HOST, NAME, TlsScript, certificate, server_context
from tests.upstream.virtual_servers import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.model import Server
    from resolver.upstream.encrypted import Encryption
    from tests.upstream.encrypted_worlds import Listener

IPV4, IPV6 = HOST, "2001:db8::1"
RTT_S = 0.05

_SPOKEN: dict[
    str,
    tuple[Callable[..., Server], Callable[..., Encryption], Callable[[], Listener]],
] = {
    "tls": (
        tls_servers.encrypted,
        tls_servers.strict,
        lambda: TlsScript(server_context(certificate(NAME))),
    ),
    "https": (
        https_servers.over_https,
        https_servers.strict,
        lambda: https_servers.HttpsScript(certificate(NAME)),
    ),
    "quic": (
        quic_servers.over_quic,
        quic_servers.strict,
        lambda: quic_servers.QuicScript(certificate(NAME)),
    ),
}


@pytest.mark.parametrize("over", _SPOKEN)
@pytest.mark.parametrize("speculation", [True, False])
@pytest.mark.parametrize("dead", [IPV4, IPV6])
@trio_test
async def test_a_family_that_leads_nowhere_costs_half_a_second_once(
    over: str,
    dead: str,
    speculation: bool,  # noqa: FBT001
) -> None:
    """Nothing, where two may be asked at once to begin with."""
    made, strict, listener = _SPOKEN[over]
    alive = IPV6 if dead == IPV4 else IPV4
    servers = made(dead), made(alive)
    world = World(speculation=speculation)
    async with running(world, strict(*servers)), trio.open_nursery() as nursery:
        nursery.start_soon(listener().listen, world.network, alive, nursery)
        world.faults.set(dead, Path(delay_s=RTT_S, loss=1.0))
        world.faults.set(alive, Path(delay_s=RTT_S))
        await trio.sleep(0.01)
        began = trio.current_time()
        assert (await ask(world, forward(*servers))).server.host == alive
        first_s = trio.current_time() - began
        assert first_s <= 4 * RTT_S + (0 if speculation else 0.5)
        for at in range(20):
            began = trio.current_time()
            await ask(world, forward(*servers), f"n{at}.example.com")
            assert trio.current_time() - began <= 2 * RTT_S + 0.01
        nursery.cancel_scope.cancel()
