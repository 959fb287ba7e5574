"""Where HTTP/3 is spoken: on the UDP ports of https:// listeners, as far as they are free for it.

It is an addition that nobody has asked for by name: where the library is missing, or the port is
another listener's, HTTPS does without it.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from resolver.config.check_server import is_same_port
from resolver.config.listen_urls import listen_url
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from resolver.config.endpoints import Endpoint
    from resolver.config.schema import Config


def http3_places(config: Config) -> tuple[Endpoint, ...]:
    """Of the listeners that *config* has, those beside which it is served."""
    urls = [listen_url(text) for text in config.server.listen]
    web = [url.where for url in urls if Transport.HTTPS in url.transports]
    if not web or not config.https.http3 or importlib.util.find_spec("aioquic") is None:
        return ()
    taken = [url.where for url in urls if True in url.sockets]
    return tuple(where for where in web if not any(is_same_port(where, one) for one in taken))
