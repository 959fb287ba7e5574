"""Where clients of a view ask: `view.listen` and `view.transports` → listeners and transports."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias

from resolver.config import endpoints
from resolver.config.listen_urls import listen_url
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.config.listen_urls import ListenUrl
    from resolver.config.schema_views import View

Place: TypeAlias = tuple[str, Transport]  # a listener as `endpoints.show` has it, what is spoken
_SPOKEN: Final = {
    "udp": (Transport.UDP,),
    "tcp": (Transport.TCP,),
    "tls": (Transport.TLS,),
    "https": (Transport.HTTPS, Transport.HTTP3),
    "quic": (Transport.QUIC,),
}


def places_of(text: str, listen: Iterable[str]) -> frozenset[Place]:
    """What of *listen*, the entries of `server.listen`, *text* names. Raises ValueError.

    *text* is such an entry, or its address and port, or its address alone.
    """
    known = [(url, place) for url in _understood(listen) for place in _served(url)]
    is_url, is_bare = "://" in text, _is_bare(text)
    wanted = listen_url(text if not is_bare else endpoints.show((text, endpoints.DNS_PORT)))
    found = frozenset(
        place
        for url, place in known
        if url.where[0] == wanted.where[0]
        and (is_bare or url.where[1] == wanted.where[1])
        and (not is_url or place[1] in _with_http3(wanted.transports))
    )
    if not found:
        there = dict.fromkeys(str(url) for url, _ in known)
        raise ValueError(f"one of server.listen: {', '.join(there)}")
    return found


def places(view: View, listen: Iterable[str]) -> frozenset[Place]:
    """Where clients of *view* ask, of what is in *listen*; empty where it does not matter.

    A place that is not in *listen* is one where nobody asks.
    """
    found: set[Place] = set()
    for text in view.listen:
        try:
            found |= places_of(text, listen)
        except ValueError:
            found.add((text, Transport.UDP))
    return frozenset(found)


def transports_of(view: View) -> frozenset[Transport]:
    """What clients of *view* ask over; empty where it does not matter."""
    return frozenset(transport for word in view.transports for transport in _SPOKEN[word])


def network_of(text: str) -> endpoints.Network:
    """The network of *text*; IPv4 in IPv6's clothes is IPv4."""
    network = endpoints.network(text)
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < _MAPPED_BITS:
        return network
    return endpoints.network(f"{mapped}/{network.prefixlen - _MAPPED_BITS}")


_MAPPED_BITS: Final = 96


def _understood(listen: Iterable[str]) -> Iterable[ListenUrl]:
    for text in listen:
        with suppress(ValueError):  # told of `server.listen` itself
            yield listen_url(text)


def _served(url: ListenUrl) -> Iterable[Place]:
    return [(endpoints.show(url.where), spoken) for spoken in _with_http3(url.transports)]


def _with_http3(transports: tuple[Transport, ...]) -> tuple[Transport, ...]:
    return (*transports, Transport.HTTP3) if Transport.HTTPS in transports else transports


def _is_bare(text: str) -> bool:
    """Is it an address without a port?"""
    try:
        endpoints.address(text)
    except ValueError:
        return False
    return True
