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


def is_heard() -> bool:
    """True if there is a service manager that listens to `notify`."""
    return bool(os.environ.get("NOTIFY_SOCKET"))


def watchdog_seconds() -> float:
    """How often a service manager wants to hear from us (sd_watchdog_enabled(3)); 0: not at all.

    A third of what it waits for.
    """
    told, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not told.isdecimal() or pid not in ("", str(os.getpid())):
        return 0.0
    return int(told) / 3e6


class Watchdog:
    """Tells a service manager that the loop goes round, and nothing else: a listener that is dead
    is `self_probe`'s matter, a link that is down is nobody's fault."""

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s
        self._due_at = 0.0

    def turn(self, now: float) -> None:
        """To be called as often as the loop likes."""
        if self.interval_s and now >= self._due_at:
            self._due_at = now + self.interval_s
            notify("WATCHDOG=1")


def reloading() -> str:
    """The state of a reload that begins now; "READY=1" ends it (sd_notify(3))."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"
