"""What no type can say of `[valkey]`: where it is, what it takes, and that the files are there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from resolver.config.extras import extra_missing
from resolver.config.fault import Fault
from resolver.config.files import unlike, working_path
from resolver.config.valkey_url import valkey_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.config.schema import Config, Valkey
    from resolver.config.valkey_url import ValkeyUrl

HIDDEN = "(not shown)"  # a URL may have a password


def faults_of_valkey(config: Config) -> Iterator[Fault]:
    """All that is wrong with it, as far as can be seen without reading the secrets."""
    valkey = config.valkey
    if not valkey.url:
        return
    try:
        url = valkey_url(valkey.url)
    except ValueError as error:
        yield Fault("valkey.url", HIDDEN, str(error))
    else:
        yield from _beside(valkey, url)
    if missing := extra_missing("valkey"):
        yield Fault("valkey.url", HIDDEN, f'"", or {missing}')
    if not valkey.secret_file:
        expected = "the path of a file with the secret that all machines of valkey.url have"
        yield Fault("valkey.secret_file", "", expected)
    for key in ("secret_file", "password_file", "ca_file"):
        text = getattr(valkey, key)
        if text:
            yield from unlike(f"valkey.{key}", text, working_path(config, text), Path.is_file)
    if not valkey.prefix or not valkey.prefix.isascii() or set(valkey.prefix) & set("{}"):
        yield Fault("valkey.prefix", valkey.prefix, "ASCII text without braces")


def _beside(valkey: Valkey, url: ValkeyUrl) -> Iterator[Fault]:
    """What does not go with such an URL."""
    yield from _replica(valkey.read_from, url)
    if valkey.password_file and url.password:
        expected = '"", for valkey.url has a password'
        yield Fault("valkey.password_file", valkey.password_file, expected)
    if valkey.ca_file and not url.is_tls:
        expected = '"", or rediss:// in valkey.url: without TLS nobody vouches for it'
        yield Fault("valkey.ca_file", valkey.ca_file, expected)


def _replica(text: str, url: ValkeyUrl) -> Iterator[Fault]:
    if text == "replicas":
        if url.shape == "one":
            expected = '"", or the URL of a replica: one server alone names none'
            yield Fault("valkey.read_from", text, expected)
    elif text:
        try:
            is_one = url.shape == "one" and valkey_url(text).shape == "one"
        except ValueError:
            is_one = False
        if not is_one:
            expected = (
                '"", or "replicas" of a service or cluster, or of one server a replica\'s URL'
            )
            yield Fault("valkey.read_from", HIDDEN, expected)
