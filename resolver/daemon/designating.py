"""What this process offers encrypted, for `policy.designation`: from what is served and shown now.

Not from the configuration: a listener whose address is not there yet is offered to nobody, and a
certificate counts for what is in it.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from resolver.policy.designation import Offer, Place
from resolver.protocol import names
from resolver.protocol.ip_addresses import is_address
from resolver.protocol.transport import ENCRYPTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from resolver.daemon.bind import Wish
    from resolver.daemon.certificates import Identity
    from resolver.model import Name


def offer_of(
    wishes: Iterable[Wish],
    named: Sequence[str],
    identities: Sequence[Identity],
    *,
    wall: float,
    path: bytes = b"",
) -> Offer:
    """*wishes*: what is served; *named*: `tls.names`; *identities*: one for each kind of key;
    *path*: where HTTPS is served.

    A client may be shown any of them, so proven is what all of them are for at Unix time *wall*:
    one that has expired proves nothing (RFC 9462 §4.2).
    """
    places = tuple(
        Place(wish.transport, _octets(wish.where[0]), wish.where[1])
        for wish in wishes
        if wish.transport in ENCRYPTED
    )
    if not places or not identities:
        return Offer()
    proven = [
        frozenset(() if each.trouble(wall) else map(_octets, each.addresses)) for each in identities
    ]
    return Offer(_name(named, identities), places, frozenset.intersection(*proven), path)


def _octets(host: str) -> bytes:
    return ipaddress.ip_address(host.partition("%")[0]).packed


def _name(named: Sequence[str], identities: Sequence[Identity]) -> Name:
    """The first that is configured, else the first of the certificate; nothing if there is none.

    `localhost`, `*.example.net` and addresses name no server that a client could find.
    """
    for text in (*named, *(each for identity in identities for each in identity.names)):
        try:
            name = names.from_text(text)
        except ValueError:
            continue
        is_name = text not in ("", ".", "localhost") and not is_address(text)
        if is_name and not text.startswith("*"):
            return name
    return b""
