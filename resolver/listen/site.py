"""What HTTPS listeners serve, as far as configuration can change it while they do."""

from __future__ import annotations

from typing import ClassVar

from resolver.protocol.transport import DOH_PATH


class Site:
    """*paths*: where DNS over HTTPS is; *cors*: pages of any origin may ask."""

    COUNTS: ClassVar = {
        "http2": "Connections of clients on which HTTP/2 was spoken.",
        "http3": "Connections of clients on which HTTP/3 was spoken.",
        "http1": "Connections of clients on which HTTP/1.1 was spoken, or nothing.",
        "json": "Queries that came in the JSON form.",
        "refused": "Requests that were answered with an HTTP status of 400 and above.",
        "ended_protocol": "Connections ended because what came was no HTTP.",
        "ended_flood": "Connections ended because too much came that asked nothing.",
        "ended_resets": "Connections ended because too many requests were given up.",
    }

    def __init__(
        self, paths: tuple[bytes, ...] = (DOH_PATH.encode(),), *, cors: bool = False
    ) -> None:
        self.paths = paths
        self.cors = cors
        self.http2 = 0
        self.http1 = 0
        self.http3 = 0
        self.json = 0
        self.refused = 0
        self.ended_protocol = 0
        self.ended_flood = 0
        self.ended_resets = 0

    def __repr__(self) -> str:
        return f"<Site {b' '.join(self.paths).decode('ascii', 'replace')}>"
