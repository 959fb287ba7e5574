"""Where the page is, and whether that is this machine alone."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from resolver.config import endpoints

if TYPE_CHECKING:
    from resolver.config.schema import Config

PORT: Final = 8053


def web_place(text: str) -> endpoints.Endpoint:
    """Address and port that *text*, a value of `web.listen`, means. Raises ValueError."""
    return endpoints.listenable(text, port=PORT)


def is_remote(config: Config) -> bool:
    """Can others than this machine reach the page? False where there is none, or no address."""
    if not config.web.listen:
        return False
    try:
        host, _ = web_place(config.web.listen)
    except ValueError:
        return False
    return not ipaddress.ip_address(host.partition("%")[0]).is_loopback


def url_of(config: Config) -> str:
    """What to type into a browser on this machine; "" where there is no page."""
    if not config.web.listen:
        return ""
    host, port = web_place(config.web.listen)
    scheme = "https" if is_remote(config) else "http"
    return f"{scheme}://{endpoints.show((endpoints.reachable(host), port))}/"
