"""`profile = "opportunistic"` over each transport: encrypted if it can be, else in clear text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resolver.model import Server
from resolver.protocol.transport import DOH_PATH, Transport
from resolver.upstream import tls_terms
from resolver.upstream.encrypted import Encryption
from resolver.upstream.tls_terms import Terms, name_to_prove
from tests.support import trio_test
from tests.upstream.encrypted_worlds import ask, forward, running
from tests.upstream.https_servers import HttpsScript, over_https
from tests.upstream.quic_servers import QuicScript, over_quic
from tests.upstream.tls_servers import HOST, NAME, certificate
from tests.upstream.virtual_servers import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.upstream.encrypted_worlds import Listener

_SPOKEN: dict[str, tuple[Server, Callable[[], Listener]]] = {
    "https": (over_https(), lambda: HttpsScript(certificate(NAME, by="somebody"))),
    "quic": (over_quic(), lambda: QuicScript(certificate("other.example", by="somebody"))),
}


def _anybody(one: Server) -> Encryption:
    alpn = tls_terms.H2 if one.transport is Transport.HTTPS else tls_terms.DOT
    context = tls_terms.believing_anybody(alpn=alpn)
    terms = Terms(context, name_to_prove(one), path=DOH_PATH, is_strict=False)
    return Encryption({one.key: terms})


@pytest.mark.parametrize("over", _SPOKEN)
@trio_test
async def test_whoever_answers_encrypted_is_asked_and_clear_text_comes_last(over: str) -> None:
    """RFC 8310 §5.1."""
    one, listener = _SPOKEN[over]
    cut = forward(one, Server(HOST, 53), is_opportunistic=True)
    world = World()
    world.serve(HOST)
    async with running(world, _anybody(one), _192_0_2_1=listener()):
        for at in range(10):
            reply = await ask(world, cut, f"n{at}.example.com")
            assert reply.transport is one.transport
    world = World()
    world.serve(HOST)
    async with running(world, _anybody(one)):
        assert (await ask(world, cut)).transport is Transport.UDP
