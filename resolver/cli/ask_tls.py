"""`@tls://…`: which server, over TLS, and whether it is who was meant.

"tls://9.9.9.9#dns.quad9.net", "tls://dns.quad9.net" and "tls://9.9.9.9" are proven by the name, or
else the address, as forwarders are (RFC 8310 §8.1); `--insecure` asks whoever answers.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from resolver.cli import servers
from resolver.cli.ask import NoReply, Stream, over_tcp
from resolver.config import endpoints
from resolver.errors import ConfigError
from resolver.model import Server
from resolver.upstream import tls_terms
from resolver.upstream.padding import padded

if TYPE_CHECKING:
    import argparse
    import socket
    from collections.abc import Callable

    from resolver.config.endpoints import Endpoint

PORT = 853


def read(text: str, options: argparse.Namespace) -> tuple[list[Endpoint], Stream]:
    """Where to ask, and how, of "HOST[:PORT][#NAME]". Raises ConfigError."""
    address, mark, name = text.partition("#")
    if mark and not name:
        raise ConfigError("@SERVER", f"@tls://{text}", "a name behind the #, which it proves")
    port = PORT if options.port is None else options.port
    places = servers.named(address, port=port)
    host = servers.host_of(address)
    name = name or ("" if _is_address(host) else host)
    context = _context(options.ca_file, is_proven=not options.insecure)
    return places, Stream(_connecting(context, name), "tls", padded)


def _is_address(host: str) -> bool:
    try:
        endpoints.address(host)
    except ValueError:
        return False
    return True


def _context(ca_file: str | None, *, is_proven: bool) -> ssl.SSLContext:
    if not is_proven:
        return tls_terms.believing_anybody()
    expected = "a file of certificates in PEM form"
    try:
        pem = None if ca_file is None else Path(ca_file).read_text("ascii", "replace")
        return tls_terms.proving(pem)
    except (ssl.SSLError, ValueError):
        raise ConfigError("--ca-file", ca_file, expected) from None
    except OSError as error:
        raise ConfigError("--ca-file", ca_file, f"{expected} ({error.strerror})") from None


def _connecting(context: ssl.SSLContext, name: str) -> Callable[[Endpoint, float], socket.socket]:
    def connect(place: Endpoint, timeout_s: float) -> socket.socket:
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

    return connect
