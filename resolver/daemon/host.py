"""What the process says to its host: that it is ready, that it stops.

Linux first, each call with a fallback: where a platform lacks one, the daemon runs without it.
"""

from __future__ import annotations

import os
import socket
import time


def notify(state: str) -> None:
    """Tell systemd (sd_notify(3)): "READY=1", "STOPPING=1". Nothing happens without it."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(address)
            sock.sendall(state.encode())
        except OSError:
            return  # a manager that is gone cannot be told


def reloading() -> str:
    """The state of a reload that begins now; "READY=1" ends it (sd_notify(3))."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"
