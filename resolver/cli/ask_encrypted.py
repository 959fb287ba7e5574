"""`@tls://…`, `@https://…`, `@quic://…`: which server, and whether it is who was meant.

"tls://9.9.9.9#dns.quad9.net", "tls://dns.quad9.net" and "tls://9.9.9.9" are proven by the name, or
else the address, as forwarders are (RFC 8310 §8.1), and so are those of QUIC; of HTTPS it is the
host. `--insecure` asks whoever answers.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from resolver.cli import servers
from resolver.cli.ask import Trust
from resolver.config import endpoints
from resolver.config.extras import extra_missing
from resolver.errors import ConfigError
from resolver.protocol.transport import DOH_PATH

if TYPE_CHECKING:
    import argparse

    from resolver.cli.ask import Stream
    from resolver.config.endpoints import Endpoint

PORTS = {"tls": 853, "https": 443, "quic": 853}
_PATH = re.compile(r"/[!-?A-~]*", re.ASCII)


def read(scheme: str, text: str, options: argparse.Namespace) -> tuple[list[Endpoint], Stream]:
    """Where to ask, and how, of what stands behind "SCHEME://". Raises ConfigError."""
    missing = extra_missing(scheme)
    if missing:
        raise ConfigError("@SERVER", f"@{scheme}://{text}", missing)
    trust = _trust(options.ca_file, is_proven=not options.insecure)
    if scheme == "https":
        return _over_https(text, options.port, trust)
    address, mark, name = text.partition("#")
    if mark and not name:
        raise ConfigError("@SERVER", f"@{scheme}://{text}", "a name behind the #, which it proves")
    places, host = _places(address, PORTS[scheme] if options.port is None else options.port)
    name = name or ("" if _is_address(host) else host)
    if scheme == "quic":
        from resolver.cli import ask_quic  # noqa: PLC0415  # what each needs takes a while to load

        return places, ask_quic.stream(name, trust)
    from resolver.cli import ask_tls  # noqa: PLC0415

    return places, ask_tls.stream(name, trust)


def _over_https(text: str, port: int | None, trust: Trust) -> tuple[list[Endpoint], Stream]:
    """HOST[:PORT][/PATH][@ADDRESS,ADDRESS]"""
    from resolver.cli import ask_https  # noqa: PLC0415

    head, mark, tail = text.partition("@")
    authority, slash, rest = head.partition("/")
    path = slash + rest or DOH_PATH
    if not _PATH.fullmatch(path):
        expected = "a path behind the host: @https://dns.google/dns-query"
        raise ConfigError("@SERVER", f"@https://{text}", expected)
    number = PORTS["https"] if port is None else port
    if not mark:
        places, host = _places(authority, number)
    else:
        host, said = servers.split(authority)
        number = number if said is None else said
        places = [place for one in tail.split(",") for place in _places(one, number)[0]]
    name = "" if _is_address(host) else host
    return places, ask_https.stream(name, path, trust)


def _places(text: str, port: int) -> tuple[list[Endpoint], str]:
    """Addresses and the host of "HOST[:PORT]". Raises ConfigError."""
    return servers.named(text, port=port), servers.host_of(text)


def _is_address(host: str) -> bool:
    try:
        endpoints.address(host)
    except ValueError:
        return False
    return True


def _trust(ca_file: str | None, *, is_proven: bool) -> Trust:
    """Raises ConfigError."""
    if not is_proven or ca_file is None:
        return Trust(is_proven, None)
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415

    expected = "a file of certificates in PEM form"
    try:
        pem = Path(ca_file).read_text("ascii", "replace")
        load_pem_x509_certificates(pem.encode())
    except ValueError:
        raise ConfigError("--ca-file", ca_file, expected) from None
    except OSError as error:
        raise ConfigError("--ca-file", ca_file, f"{expected} ({error.strerror})") from None
    return Trust(is_proven, pem)
