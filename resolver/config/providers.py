"""Public resolvers by name: `provider = "quad9"` in a `[[forward]]` table, or "https://quad9".

Addresses and names as their operators publish them, on the day of `DATED`; docs/encryption.md has
the same table, and a test holds one against the other. *filters*: what they leave out on purpose;
*block_pages*: networks whose addresses some answer with in its place, and no word of it.
Nothing here is a recommendation: who forwards tells somebody all that is asked.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from resolver.protocol.transport import DOH_PATH, ENCRYPTED, Transport

OVER: Final = Transport.TLS  # where nothing else is said
DATED: Final = "2026-11-29"


class Provider(NamedTuple):
    """*auth_name* is what the certificate of each of *addresses* proves; *path*: of HTTPS."""

    addresses: tuple[str, ...]
    auth_name: str
    transports: tuple[str, ...]
    filters: str = ""
    block_pages: tuple[str, ...] = ()
    path: str = DOH_PATH


PROVIDERS: Final[dict[str, Provider]] = {
    "quad9": Provider(
        ("9.9.9.9", "149.112.112.112", "2620:fe::fe", "2620:fe::9"),
        "dns.quad9.net",
        ("udp", "tls", "https", "quic"),
        "malware",
    ),
    "cloudflare": Provider(
        ("1.1.1.1", "1.0.0.1", "2606:4700:4700::1111", "2606:4700:4700::1001"),
        "cloudflare-dns.com",
        ("udp", "tls", "https"),
    ),
    "google": Provider(
        ("8.8.8.8", "8.8.4.4", "2001:4860:4860::8888", "2001:4860:4860::8844"),
        "dns.google",
        ("udp", "tls", "https"),
    ),
    "opendns": Provider(
        ("208.67.222.222", "208.67.220.220", "2620:119:35::35", "2620:119:53::53"),
        "dns.opendns.com",
        ("udp", "tls", "https"),
        "phishing",
        ("146.112.61.104/29", "::ffff:146.112.61.104/125"),
    ),
    "adguard": Provider(
        ("94.140.14.14", "94.140.15.15", "2a10:50c0::ad1:ff", "2a10:50c0::ad2:ff"),
        "dns.adguard-dns.com",
        ("udp", "tls", "https", "quic"),
        "advertising, tracking, malware",
    ),
}


def provider(text: str) -> tuple[Provider, Transport]:
    """Who "quad9" or "https://quad9" is, and over what they are asked. Raises ValueError."""
    scheme, mark, name = text.rpartition("://")
    scheme = scheme if mark else OVER.value
    found = PROVIDERS.get(name)
    if found is None or scheme not in {one.value for one in ENCRYPTED}:
        known = " or ".join(f'"{one}"' for one in PROVIDERS)
        raise ValueError(f'{known}, or over HTTPS or QUIC as "https://{next(iter(PROVIDERS))}"')
    if scheme not in found.transports:
        spoken = " or ".join(f'"{one}://{name}"' for one in found.transports if one != _CLEAR)
        raise ValueError(f"{spoken}, which it speaks")
    return found, Transport(scheme)


_CLEAR: Final = Transport.UDP.value
