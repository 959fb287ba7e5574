"""What no type can say about `[server]`: where it listens, who may ask, what it says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.config import endpoints, listen_urls, octets
from resolver.config.check_web import whole_place
from resolver.config.fault import Fault, each
from resolver.config.holes import as_far_as_known

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resolver.config.schema import Config

_LONGEST_STRING = 255  # a character-string of TXT (RFC 1035 §3.3)


def server_faults(config: Config) -> Iterator[Fault]:
    """Of the table, and of addresses elsewhere that might be the same."""
    yield from _listen(config)
    yield from _overlaps(config)
    yield from _clients(config)
    for key in ("version", "identity", "nsid"):
        yield from _text(config, key)
    yield from _secret(config)
    yield from _metrics(config)
    yield from _health(config)


@as_far_as_known
def _listen(config: Config) -> Iterator[Fault]:
    if not config.server.listen:
        yield Fault("server.listen", [], "at least one address")
    yield from each("server.listen", config.server.listen, listen_urls.spoken_here)


@as_far_as_known
def _clients(config: Config) -> Iterator[Fault]:
    yield from each("server.allow_from", config.server.allow_from, endpoints.network)


@as_far_as_known
def _text(config: Config, key: str) -> Iterator[Fault]:
    text = getattr(config.server, key)
    told = octets.nsid(text) if key == "nsid" else text.encode()
    if len(told) > _LONGEST_STRING:
        yield Fault(f"server.{key}", text, f"at most {_LONGEST_STRING} octets")


@as_far_as_known
def _secret(config: Config) -> Iterator[Fault]:
    secret = config.server.cookie_secret
    if secret and not octets.is_secret(secret):
        yield Fault("server.cookie_secret", "(not shown)", "32 hexadecimal digits")


@as_far_as_known
def _metrics(config: Config) -> Iterator[Fault]:
    if config.metrics.listen:
        yield from each("metrics.listen", (config.metrics.listen,), endpoints.listenable)


@as_far_as_known
def _health(config: Config) -> Iterator[Fault]:
    if config.health.listen:
        yield from each("health.listen", (config.health.listen,), endpoints.listenable)


def _overlaps(config: Config) -> Iterator[Fault]:
    """Listening addresses that only one socket can have, however they are spelled."""
    taken: list[tuple[str, listen_urls.ListenUrl]] = []
    pages = (*_metrics_page(config), *_health_page(config), *_web_page(config))
    for key, text in (*_listened(config), *pages):
        try:
            url = listen_urls.listen_url(text if key == "server.listen" else f"tcp://{text}")
        except ValueError:
            continue  # told already
        for other, there in taken:
            if is_same_port(url.where, there.where) and url.sockets & there.sockets:
                expected = f"each address once; {other} has {endpoints.show(there.where)}"
                yield Fault(key, text, expected)
                break
        taken.append((key, url))


@as_far_as_known
def _listened(config: Config) -> Iterator[tuple[str, str]]:
    yield from (("server.listen", text) for text in config.server.listen)


@as_far_as_known
def _metrics_page(config: Config) -> Iterator[tuple[str, str]]:
    if config.metrics.listen:
        yield "metrics.listen", config.metrics.listen


@as_far_as_known
def _health_page(config: Config) -> Iterator[tuple[str, str]]:
    if config.health.listen:
        yield "health.listen", config.health.listen


@as_far_as_known
def _web_page(config: Config) -> Iterator[tuple[str, str]]:
    if config.web.listen:
        yield "web.listen", whole_place(config.web.listen)


def is_same_port(one: endpoints.Endpoint, other: endpoints.Endpoint) -> bool:
    """True if one is the other, or all addresses of its family."""
    if one[1] != other[1] or (":" in one[0]) != (":" in other[0]):
        return False
    return one[0] == other[0] or not {one[0], other[0]}.isdisjoint(_EVERY)


_EVERY = frozenset({"0.0.0.0", "::"})  # noqa: S104  # to recognise them


def is_own(config: Config, where: endpoints.Endpoint, *, is_here: Callable[[str], bool]) -> bool:
    """True if *where* is an address that this resolver itself listens on.

    *is_here* tells whether a host is one of this machine's addresses.
    """
    ours = [listen_urls.listen_url(text).where for text in config.server.listen]
    return where in ours or any(
        other[0] in _EVERY and is_same_port(other, where) and is_here(where[0]) for other in ours
    )
