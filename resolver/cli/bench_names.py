"""Who takes part in a comparison, as the command line names them, and how they are proven."""

from __future__ import annotations

from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Final

from resolver.cli import bench_run
from resolver.cli.compare import Contestant
from resolver.config import endpoints
from resolver.config.extras import extra_missing
from resolver.config.forwarders import Forwarder, forwarders
from resolver.config.providers import PROVIDERS
from resolver.errors import ConfigError
from resolver.model import Server
from resolver.protocol.transport import DOH_PATH, Transport

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from resolver.upstream.tls_terms import Terms

_PORTS: Final = range(20_000, 60_000)


class Believing:
    """Makes the terms of contestants that are asked encrypted: whom the options believe."""

    def __init__(self, *, is_proven: bool = True, ca_file: str | None = None) -> None:
        self._is_proven = is_proven
        self._ca_file = ca_file

    def terms(self, server: Server, path: str, *, is_proven: bool = True) -> Terms:
        """Raises ConfigError."""
        import ssl  # noqa: PLC0415  # loaded where something is encrypted

        from resolver.upstream import tls_terms  # noqa: PLC0415

        alpn = tls_terms.H2 if server.transport is Transport.HTTPS else tls_terms.DOT
        name = tls_terms.name_to_prove(server)
        if not (is_proven and self._is_proven):
            context = tls_terms.believing_anybody(alpn=alpn)
            return tls_terms.Terms(context, name, path=path, is_strict=False)
        expected = "a file of certificates in PEM form"
        try:
            pem = self._ca_file and Path(self._ca_file).read_text("ascii", "replace")
            context = tls_terms.proving(pem or None, alpn=alpn)
        except (ssl.SSLError, ValueError):
            raise ConfigError("--ca-file", self._ca_file, expected) from None
        except OSError as error:
            text = f"{expected} ({error.strerror})"
            raise ConfigError("--ca-file", self._ca_file, text) from None
        return tls_terms.Terms(context, name, path=path, authorities=pem or None)


def listed(options: argparse.Namespace, public: Mapping[str, str]) -> list[Contestant]:
    """All of them, this resolver first. Raises ConfigError."""
    over = _transports(options.over)
    believing = Believing(is_proven=not options.insecure, ca_file=options.ca_file)
    found = [] if options.no_self else [_own(transport, believing) for transport in over]
    for text in options.server:
        found += contestants(text, believing)
    if not options.no_public:
        for name, where in public.items():
            for transport in over:
                found += _public(name, where, transport, believing)
    if not found:
        raise ConfigError("--server", "(missing)", "somebody to compare")
    return found


def contestants(text: str, believing: Believing) -> list[Contestant]:
    """Servers as the command line names them: [NAME=]ADDRESS[:PORT] or [NAME=]URL.

    Raises ConfigError.
    """
    head, mark, _ = text.partition("://")
    name, sign, _ = head.partition("=")
    where = text[len(name) + 1 :] if sign else text
    name = name if sign else ""
    try:
        if not mark:
            host, port = endpoints.endpoint(where)
            return [Contestant(name or "server", Server(host, port))]
        named = forwarders(where)
    except ValueError as error:
        raise ConfigError("--server", text, str(error)) from None
    return [_contestant(name or "server", one, believing, text) for one in named]


def _contestant(name: str, one: Forwarder, believing: Believing, text: str) -> Contestant:
    server = Server(*one.where, transport=one.transport, auth_name=one.auth_name)
    if not one.is_encrypted:
        return Contestant(name, server)
    missing = extra_missing(one.transport.value)
    if missing:
        raise ConfigError("--server", text, missing)
    return Contestant(name, server, terms=believing.terms(server, one.path))


def _transports(over: list[str]) -> list[Transport]:
    """Those of --over, each once; plain DNS if none is named. Raises ConfigError."""
    found: list[Transport] = []
    for text in dict.fromkeys(one for words in over for one in words.split(",")):
        known = [one for one in Transport if one.value == text and one is not Transport.TCP]
        if not known:
            raise ConfigError("--over", text, "udp, tls, https or quic")
        missing = extra_missing(text)
        if missing:
            raise ConfigError("--over", text, missing)
        found += known
    return found or [Transport.UDP]


def _own(transport: Transport, believing: Believing) -> Contestant:
    """This resolver, whose certificate is made at its start: there is nothing to prove."""
    server = Server("127.0.0.1", SystemRandom().choice(_PORTS), transport=transport)
    if transport is Transport.UDP:
        return Contestant(bench_run.OWN, server)
    terms = believing.terms(server, DOH_PATH, is_proven=False)
    return Contestant(bench_run.OWN, server, terms=terms)


def _public(
    name: str, where: str, transport: Transport, believing: Believing
) -> Iterator[Contestant]:
    """A public resolver over *transport*, if it speaks that (`config.providers`)."""
    if transport is Transport.UDP:
        yield from contestants(f"{name}={where}", believing)
        return
    provider = PROVIDERS[name.lower()]
    if transport.value not in provider.transports:
        return
    proof = provider.auth_name
    url = f"{transport.value}://{where}#{proof}"
    if transport is Transport.HTTPS:
        url = f"https://{proof}{provider.path}@{where}"
    yield from contestants(f"{name}={url}", believing)
