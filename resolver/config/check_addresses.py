"""What no type can say about names that are answered in another way, and about translators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.config.fault import Fault, each
from resolver.config.holes import as_far_as_known
from resolver.protocol import names, nat64

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.config.schema import Config


def address_faults(config: Config) -> Iterator[Fault]:
    """Of `resolution.stale_never`, `rebinding_allow`, `dns64.prefix` and `outgoing.nat64`."""
    yield from _stale_never(config)
    yield from _dns64(config)
    yield from _nat64(config)
    yield from _rebinding(config)


@as_far_as_known
def _stale_never(config: Config) -> Iterator[Fault]:
    yield from each("resolution.stale_never", config.resolution.stale_never, names.from_text)


@as_far_as_known
def _rebinding(config: Config) -> Iterator[Fault]:
    for text in config.resolution.rebinding_allow:
        try:
            name = names.from_text(text)
        except ValueError as error:
            yield Fault("resolution.rebinding_allow", text, str(error))
            continue
        if name == names.ROOT:
            expected = "names below the root; rebinding = false lets all of them have any address"
            yield Fault("resolution.rebinding_allow", text, expected)


@as_far_as_known
def _dns64(config: Config) -> Iterator[Fault]:
    yield from _prefix("dns64.prefix", config.dns64.prefix)


@as_far_as_known
def _nat64(config: Config) -> Iterator[Fault]:
    yield from _prefix("outgoing.nat64", config.outgoing.nat64)
    if config.outgoing.nat64 and not config.outgoing.ipv6:
        expected = "outgoing.ipv6 = true: a translator has an IPv6 address"
        yield Fault("outgoing.nat64", config.outgoing.nat64, expected)


def _prefix(key: str, text: str) -> Iterator[Fault]:
    if text in ("", "auto"):
        return
    try:
        nat64.prefix(text)
    except ValueError as error:
        yield Fault(key, text, f'{error}, or "auto"')
