"""Names of class CHAOS by which a server is asked about itself (RFC 4892), and one of our own."""

from __future__ import annotations

from typing import Final

from resolver.protocol.names import from_text

VERSION: Final = frozenset(map(from_text, ("version.bind.", "version.server.")))
IDENTITY: Final = frozenset(map(from_text, ("id.server.", "hostname.bind.")))
# What `resolver query` knows our daemon by from whatever else listens on a machine.
DAEMON: Final = from_text("daemon.resolver.")
DAEMON_TEXT: Final = b"\x08resolver"
