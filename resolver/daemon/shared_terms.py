"""Where what machines share is, and the secrets it takes: read at the start, as who we are then."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resolver.config.files import working_path
from resolver.config.valkey_url import valkey_url
from resolver.errors import ConfigError, unusable_file
from resolver.limits import SHARED_SECRET_OCTETS

if TYPE_CHECKING:
    import ssl

    from resolver.config.schema import Config
    from resolver.config.valkey_url import ValkeyUrl

_MOST = 4096  # octets of a secret or a password


class SharedTerms(NamedTuple):
    """What `[valkey]` says, its files read. *reads*: where to look up, if not where is written."""

    url: ValkeyUrl
    reads: ValkeyUrl | None
    from_replicas: bool
    secret: bytes
    password: str
    context: ssl.SSLContext | None


def shared_terms(config: Config) -> SharedTerms | None:
    """None where machines share nothing. Raises ConfigError where a file is no good."""
    valkey = config.valkey
    if not valkey.url:
        return None
    url = valkey_url(valkey.url)
    is_elsewhere = valkey.read_from not in ("", "replicas")
    reads = valkey_url(valkey.read_from) if is_elsewhere else None
    secret = _read(config, "secret_file", valkey.secret_file)
    if len(secret) < SHARED_SECRET_OCTETS:
        expected = f"a file with {SHARED_SECRET_OCTETS} octets at least: openssl rand -hex 32"
        raise ConfigError("valkey.secret_file", valkey.secret_file, expected)
    password = _read(config, "password_file", valkey.password_file) if valkey.password_file else b""
    context = None
    if url.is_tls or (reads is not None and reads.is_tls):
        context = _context(config)
    return SharedTerms(
        url, reads, valkey.read_from == "replicas", secret, password.decode(errors="replace"),
        context,
    )  # fmt: skip


def _read(config: Config, key: str, text: str) -> bytes:
    """What the file has, without the space around it."""
    try:
        with working_path(config, text).open("rb") as file:
            found = file.read(_MOST + 1)
    except OSError as error:
        wanted = "the path of a file that can be read"
        raise unusable_file(f"valkey.{key}", text, wanted, error) from None
    if len(found) > _MOST:
        raise ConfigError(f"valkey.{key}", text, f"a file of at most {_MOST} octets")
    return found.strip()


def _context(config: Config) -> ssl.SSLContext:
    import ssl  # noqa: PLC0415  # where something is encrypted

    text = config.valkey.ca_file
    try:
        cafile = str(working_path(config, text)) if text else None
        return ssl.create_default_context(cafile=cafile)
    except ssl.SSLError:
        raise ConfigError("valkey.ca_file", text, "a file of certificates in PEM form") from None
    except OSError as error:
        raise unusable_file("valkey.ca_file", text, "a file of certificates", error) from None
