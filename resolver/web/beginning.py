"""What the daemon tells the page's process as it begins: one line of JSON on the pair."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

import msgspec

from resolver.errors import WireError

if TYPE_CHECKING:
    import socket

_MOST = 1 << 20
_CHUNK = 65_536


class Beginning(msgspec.Struct, frozen=True):
    """*is_remote*: others than this machine may come, so that it is TLS, and the token always.
    *names*: what the machine is called besides. *token_where*: the file that has the token."""

    is_remote: bool
    names: tuple[str, ...] = ()
    token_where: str = ""
    certificates: tuple[str, ...] = ()


def beginning_untrusted(sock: socket.socket) -> Beginning:
    """The line, read from *sock*. Raises WireError."""
    octets = b""
    while not octets.endswith(b"\n"):
        chunk = sock.recv(_CHUNK)
        octets += chunk
        if not chunk or len(octets) > _MOST:
            raise WireError("the daemon has not told how to begin")
    try:
        return msgspec.json.decode(octets, type=Beginning)
    except msgspec.DecodeError as error:
        raise WireError(str(error)) from None


def tls_of(begun: Beginning) -> ssl.SSLContext | None:
    """What connections are served with; None in clear text."""
    if not begun.is_remote:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    for text in begun.certificates:
        with os.fdopen(os.memfd_create("tls", os.MFD_CLOEXEC), "wb") as memory:
            memory.write(text.encode())
            memory.flush()
            context.load_cert_chain(f"/proc/self/fd/{memory.fileno()}")
    return context
