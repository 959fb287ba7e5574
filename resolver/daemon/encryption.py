"""How the encrypted servers of a configuration are to prove themselves: certificates, keys, dates.

`ca_file` is read as the configuration is, so that a wrong one stops a start or a reload. What the
system believes is read once, and again where its file changed.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec.structs import replace

from resolver.config.check_forwards import pin
from resolver.config.extras import extra_missing
from resolver.config.files import working_path
from resolver.config.forwarders import forwarders_of
from resolver.errors import ConfigError, unusable_file
from resolver.limits import CLOCK_STEP_SECONDS
from resolver.model import Server
from resolver.protocol.transport import ENCRYPTED, Transport
from resolver.upstream.encrypted import NOTHING, Encryption

if TYPE_CHECKING:
    import ssl

    from resolver.config.forwarders import Forwarder
    from resolver.config.schema import Config, Forward
    from resolver.delegation import Key
    from resolver.runtime.clock import Clock
    from resolver.upstream.tls_terms import Terms


def encryption_of(config: Config, clock: Clock) -> Encryption:
    """Raises ConfigError where a file is no good."""
    terms, outgoing, authorities = terms_of(config), config.outgoing, _prepared(config)
    if not (terms or outgoing.opportunistic or authorities):
        return NOTHING
    keeps_warm = outgoing.speculation and not outgoing.metered
    return Encryption(
        terms, keeps_warm, lambda: is_believed(clock), outgoing.opportunistic, authorities
    )


def terms_of(config: Config) -> dict[Key, Terms]:
    """For each encrypted server. Raises ConfigError. Loads TLS only where it is needed."""
    terms: dict[Key, Terms] = {}
    for entry in config.forward:
        named = [one for one in forwarders_of(entry) if one.is_encrypted]
        for one in named:
            server = Server(*one.where, transport=one.transport, auth_name=one.auth_name)
            terms[server.key] = _terms(entry, one, server, _authorities(config, entry))
    return terms


def _prepared(config: Config) -> dict[str, str]:
    """What servers that are found later will want, by `ca_file`.

    Whom the daemon becomes may not read it. Raises ConfigError.
    """
    authorities: dict[str, str] = {}
    for entry in config.forward:
        if not entry.discover:
            continue
        from resolver.upstream import sessions  # noqa: PLC0415 - see above

        text = _authorities(config, entry)
        if text is not None:
            authorities[entry.ca_file] = text
        _context(entry, text, Transport.TLS)
        sessions.load({one for one in ENCRYPTED if not extra_missing(one.value)})
    return authorities


def found_terms(
    entry: Forward, one: Forwarder, server: Server, *, authorities: str | None
) -> Terms:
    """On which *server*, that nobody has written down, is asked for *entry*: it proves itself.

    Anybody may have said who it is, so *entry*'s profile does not count. Raises ConfigError.
    """
    return _terms(replace(entry, profile="strict"), one, server, authorities)


def _terms(entry: Forward, one: Forwarder, server: Server, authorities: str | None) -> Terms:
    """Raises ConfigError."""
    from resolver.upstream.tls_terms import Terms, name_to_prove  # noqa: PLC0415 - see above

    context = _context(entry, authorities, one.transport)
    if one.transport is Transport.QUIC and _is_strict(entry):
        from resolver.upstream import quic_trust  # noqa: PLC0415 - see above

        quic_trust.prepare(authorities)
    pins = frozenset(map(pin, entry.pins))
    is_strict = _is_strict(entry)
    return Terms(context, name_to_prove(server), pins, one.path, is_strict, authorities)


def unproven_terms(one: Forwarder, server: Server) -> Terms:
    """On which a server is asked, whoever it is."""
    from resolver.upstream.tls_terms import Terms, name_to_prove  # noqa: PLC0415 - see above

    context = _believing_anybody(_alpn(one.transport))
    return Terms(context, name_to_prove(server), path=one.path, is_strict=False)


def is_believed(clock: Clock) -> bool:
    """Does the machine's own time agree with what is believed of it? OpenSSL knows no other."""
    return abs(clock.wall() - time.time()) <= CLOCK_STEP_SECONDS


def _is_strict(entry: Forward) -> bool:
    """Does a certificate have to lead to an issuer, and to prove a name?"""
    return entry.profile == "strict" and not entry.pins


def _context(entry: Forward, authorities: str | None, transport: Transport) -> ssl.SSLContext:
    """Raises ConfigError."""
    import ssl  # noqa: PLC0415 - see above

    from resolver.upstream import tls_terms  # noqa: PLC0415

    alpn = _alpn(transport)
    if not _is_strict(entry):
        return _believing_anybody(alpn)
    try:
        stamp = tls_terms.store_stamp() if authorities is None else 0
        return _proving(authorities, stamp, alpn)
    except (ssl.SSLError, ValueError):
        expected = "a file of certificates in PEM form (-----BEGIN CERTIFICATE-----)"
        raise ConfigError("forward.ca_file", entry.ca_file, expected) from None


def _authorities(config: Config, entry: Forward) -> str | None:
    """What `ca_file` holds; None if there is none. Raises ConfigError."""
    if not entry.ca_file:
        return None
    try:
        return working_path(config, entry.ca_file).read_text("ascii", "replace")
    except OSError as error:
        raise unusable_file("forward.ca_file", entry.ca_file, "a file to read", error) from None


def _alpn(transport: Transport) -> str:
    from resolver.upstream import tls_terms  # noqa: PLC0415 - see above

    return tls_terms.H2 if transport is Transport.HTTPS else tls_terms.DOT


@lru_cache(maxsize=8)
def _proving(authorities: str | None, _stamp: int, alpn: str) -> ssl.SSLContext:
    """One for all who ask alike, so that a reload leaves sessions alone. *_stamp*: of the store."""
    from resolver.upstream import tls_terms  # noqa: PLC0415 - see above

    return tls_terms.proving(authorities, alpn=alpn)


@lru_cache(maxsize=8)
def _believing_anybody(alpn: str) -> ssl.SSLContext:
    from resolver.upstream import tls_terms  # noqa: PLC0415 - see above

    return tls_terms.believing_anybody(alpn=alpn)
