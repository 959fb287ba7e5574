"""dnspython's clients, over each transport that it has."""

from __future__ import annotations

import functools
import ssl
import warnings
from typing import TYPE_CHECKING

import dns.exception
import dns.message
import dns.query
from dns.quic._common import UnexpectedEOF

from bench.clients.cases import told_of
from bench.clients.programs import Client, NotHad, query
from bench.clients.served import HOST, NAME, PATIENCE_S, is_spoken_over_http3
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.clients.cases import Case, Told
    from bench.clients.served import Served


def _asked(
    transport: Transport, by: Callable[..., dns.message.Message]
) -> Callable[[Served, Case], Told]:
    def ask(it: Served, case: Case) -> Told:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)  # its QUIC leaves a pipe open
                return told_of(by(query(case), it, it.ports[transport]))
        except (OSError, UnexpectedEOF, dns.exception.DNSException, ValueError) as error:
            raise NotHad(repr(error)) from None

    return ask


def _udp(asked: dns.message.Message, _: Served, port: int) -> dns.message.Message:
    return dns.query.udp_with_fallback(asked, HOST, port=port, timeout=PATIENCE_S)[0]


def _tls(asked: dns.message.Message, it: Served, port: int) -> dns.message.Message:
    return dns.query.tls(asked, HOST, port=port, timeout=PATIENCE_S, verify=str(it.authority),
                         server_hostname=NAME)  # fmt: skip


def _quic(asked: dns.message.Message, it: Served, port: int) -> dns.message.Message:
    return dns.query.quic(asked, HOST, port=port, timeout=PATIENCE_S, verify=str(it.authority),
                          hostname=NAME)  # fmt: skip


def _https(asked: dns.message.Message, it: Served, _: int, *, version: str) -> dns.message.Message:
    """Over QUIC the authority is a file; httpx wants a context made of it."""
    spoken = dns.query.HTTPVersion[version]
    file = str(it.authority)
    is_quic = spoken is dns.query.HTTPVersion.H3
    return dns.query.https(
        asked, it.url, timeout=PATIENCE_S, bootstrap_address=HOST, http_version=spoken,
        verify=file if is_quic else ssl.create_default_context(cafile=file),
    )  # fmt: skip


def clients() -> Sequence[Client]:
    https = [
        Client(
            f"dnspython, {title}",
            Transport.HTTPS,
            _asked(Transport.HTTPS, functools.partial(_https, version=version)),
            module=module,
        )
        for title, version, module in _VERSIONS
    ]
    return (
        Client("dnspython", Transport.UDP, _asked(Transport.UDP, _udp)),
        Client("dnspython", Transport.TLS, _asked(Transport.TLS, _tls)),
        *https,
        Client("dnspython", Transport.QUIC, _asked(Transport.QUIC, _quic), module="aioquic"),
    )


_VERSIONS = [("HTTP/2", "H2", "httpx2"), ("HTTP/1.1", "H1", "httpx2")]
if is_spoken_over_http3():
    _VERSIONS.append(("HTTP/3", "H3", "aioquic"))
