"""Where dnstap goes: "unix:PATH", "tcp:ADDRESS:PORT", or the path of a file."""

from __future__ import annotations

from typing import NamedTuple

from resolver.config.endpoints import Endpoint, askable

_UNIX, _TCP = "unix:", "tcp:"


class TapTarget(NamedTuple):
    """One of the three: a Unix socket's *socket*, a TCP *endpoint*, or a *file*."""

    socket: str = ""
    endpoint: Endpoint | None = None
    file: str = ""

    def __str__(self) -> str:
        if self.endpoint is not None:
            host, port = self.endpoint
            return f"tcp:[{host}]:{port}" if ":" in host else f"tcp:{host}:{port}"
        return f"unix:{self.socket}" if self.socket else self.file


def tap_target(text: str) -> TapTarget:
    """What *text* means. Raises ValueError with what was expected."""
    if text.startswith(_UNIX):
        path = text.removeprefix(_UNIX)
        if not path.startswith("/"):
            raise ValueError('"unix:" and the path of a socket, from / on')
        return TapTarget(socket=path)
    if text.startswith(_TCP):
        try:
            return TapTarget(endpoint=askable(text.removeprefix(_TCP), port=0))
        except ValueError:
            raise ValueError('"tcp:192.0.2.1:6000" or "tcp:[2001:db8::1]:6000"') from None
    if "://" in text:
        raise ValueError('"unix:/PATH", "tcp:ADDRESS:PORT", or the path of a file')
    return TapTarget(file=text)
