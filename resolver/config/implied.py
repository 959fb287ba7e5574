"""Tables that another key stands for, as if they had been written: `local.private_reverse`.

Reverse zones of private networks are the router's, which knows who has which address. They are
forwarded there unless a table of the file says otherwise, and nothing in them is validated: the
public tree says of them that they are empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from resolver.config.schema import Forward
from resolver.protocol import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.config.schema import Config

PRIVATE: Final = (
    "10.in-addr.arpa",
    *(f"{second}.172.in-addr.arpa" for second in range(16, 32)),
    "168.192.in-addr.arpa",
    "254.169.in-addr.arpa",
    "d.f.ip6.arpa",  # fd00::/8, of fc00::/7 the half that is in use (RFC 4193 §3.1)
    *(f"{nibble}.e.f.ip6.arpa" for nibble in "89ab"),
)
"""RFC 1918, 3927, 4193, 4291 §2.5.6."""


def implied(config: Config) -> Config:
    """*config*, which is free of faults, with the tables that it implies."""
    if not config.local.private_reverse:
        return config
    return replace(config, forward=(*config.forward, *_reverse_zones(config)))


def _reverse_zones(config: Config) -> Iterator[Forward]:
    taken = {names.from_text(entry.zone) for entry in (*config.forward, *config.stub)}
    taken |= {names.from_text(zone.zone) for zone in config.local.zone}
    for zone in PRIVATE:
        if names.from_text(zone) not in taken:
            yield Forward(zone=zone, addresses=(config.local.private_reverse,), validate=False)
