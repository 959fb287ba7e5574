"""Public names that have private addresses on purpose: the default of `resolution.rebinding_allow`.

The owner of each says so himself, of all that stands below it, on the day of `DATED`. Half of them
read the address out of the name, which is no danger more: what a page may reach is decided by the
name that it was asked by, so an alias to one of these from elsewhere is not let through.
"""

from __future__ import annotations

from typing import Final

DATED: Final = "2026-11-30"
REASONS: Final[dict[str, str]] = {
    "plex.direct": "media servers at home, under certificates (support.plex.tv, 'DNS rebinding')",
    "nip.io": "the address is in the name (nip.io)",
    "sslip.io": "the address is in the name (sslip.io)",
    "traefik.me": "the address is in the name, with a certificate (traefik.me)",
    "local-ip.co": "the address is in the name, with a certificate (local-ip.co)",
    "local-ip.sh": "the address is in the name, with a certificate (local-ip.sh)",
    "localtest.me": "this machine, for those who write programs (readme.localtest.me)",
    "lvh.me": "this machine, for those who write programs",
}
ALLOWED: Final = tuple(REASONS)
