"""What no type can say about names that are answered in another way, and about translators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.config.fault import Fault
from resolver.protocol import names, nat64

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.config.schema import Config


def address_faults(config: Config) -> Iterator[Fault]:
    """Of `resolution.stale_never`, `rebinding_allow`, `dns64.prefix` and `outgoing.nat64`."""
    for text in config.resolution.stale_never:
        try:
            names.from_text(text)
        except ValueError as error:
            yield Fault("resolution.stale_never", text, str(error))
    yield from _prefixes(config)
    for text in config.resolution.rebinding_allow:
        try:
            name = names.from_text(text)
        except ValueError as error:
            yield Fault("resolution.rebinding_allow", text, str(error))
            continue
        if name == names.ROOT:
            expected = "names below the root; rebinding = false lets all of them have any address"
            yield Fault("resolution.rebinding_allow", text, expected)


def _prefixes(config: Config) -> Iterator[Fault]:
    for key, text in (
        ("dns64.prefix", config.dns64.prefix),
        ("outgoing.nat64", config.outgoing.nat64),
    ):
        if text in ("", "auto"):
            continue
        try:
            nat64.prefix(text)
        except ValueError as error:
            yield Fault(key, text, f'{error}, or "auto"')
    if config.outgoing.nat64 and not config.outgoing.ipv6:
        expected = "outgoing.ipv6 = true: a translator has an IPv6 address"
        yield Fault("outgoing.nat64", config.outgoing.nat64, expected)
