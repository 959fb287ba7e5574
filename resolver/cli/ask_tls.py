"""A question over TLS (RFC 7858), on a connection of its own."""

from __future__ import annotations

import ssl
from functools import partial
from typing import TYPE_CHECKING

from resolver.cli.ask import NoReply, Stream, framed, over_tcp
from resolver.config import endpoints
from resolver.model import Server
from resolver.upstream import tls_terms
from resolver.upstream.padding import padded

if TYPE_CHECKING:
    from resolver.cli.ask import Trust
    from resolver.config.endpoints import Endpoint


def stream(name: str, trust: Trust) -> Stream:
    """How to ask whoever proves *name*, or else its address."""
    context = context_of(trust, tls_terms.DOT)
    return Stream(partial(_exchange, context, name), "tls")


def context_of(trust: Trust, alpn: str) -> ssl.SSLContext:
    """For connections on which *alpn* is spoken."""
    if not trust.is_proven:
        return tls_terms.believing_anybody(alpn=alpn)
    return tls_terms.proving(trust.authorities, alpn=alpn)


def connected(
    context: ssl.SSLContext, name: str, place: Endpoint, timeout_s: float
) -> ssl.SSLSocket:
    """Raises NoReply where it is not who was meant, OSError."""
    server = Server(*place, auth_name=name)
    sock = over_tcp(place, timeout_s)
    try:
        return context.wrap_socket(sock, server_hostname=tls_terms.name_to_prove(server))
    except ssl.SSLCertVerificationError as error:
        why = f"certificate of {endpoints.show(place)}: {error.verify_message}"
        raise NoReply(f"{why} (--insecure asks all the same)") from None
    except ssl.SSLError as error:
        reason = (error.reason or "failed").replace("_", " ").lower()
        raise NoReply(f"{endpoints.show(place)}: TLS: {reason}") from None


def _exchange(
    context: ssl.SSLContext, name: str, place: Endpoint, query: bytes, timeout_s: float
) -> bytes:
    with connected(context, name, place, timeout_s) as sock:
        return framed(sock, padded(query), timeout_s)
