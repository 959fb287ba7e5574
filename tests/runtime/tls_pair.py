"""Both ends of a TLS connection, for tests: an authority, contexts, and pairs of streams."""

from __future__ import annotations

import ssl

import trio
import trio.testing
import trustme

from resolver.runtime.tls_stream import TlsStream

AUTHORITY = trustme.CA()
PATIENCE_S = 4.0
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


def server_context(name: str = "localhost") -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["dot"])
    AUTHORITY.issue_cert(name).configure_cert(context)
    return context


def client_context(*, trusts: bool = True) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if trusts:
        AUTHORITY.configure_trust(context)
    return context


SERVER = server_context()
CLIENT = client_context()


def client_over(
    transport: trio.abc.Stream,
    context: ssl.SSLContext = CLIENT,
    session: ssl.SSLSession | None = None,
) -> TlsStream:
    return TlsStream(transport, context, server_hostname="localhost", session=session)


async def in_memory(
    context: ssl.SSLContext = CLIENT, server: ssl.SSLContext = SERVER
) -> tuple[TlsStream, TlsStream]:
    """Both ends of a connection in memory, shaken hands."""
    near, far = trio.testing.memory_stream_pair()
    ends = client_over(near, context), TlsStream(far, server, is_server=True)
    async with trio.open_nursery() as nursery:
        for end in ends:
            nursery.start_soon(end.handshake, PATIENCE_S)
    return ends
