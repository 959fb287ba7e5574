"""Giving up root: the account to run as, and the one capability that may have to stay for a while.

A port below 1024 that could not be bound yet needs CAP_NET_BIND_SERVICE, as BIND keeps it for its
interface scans; it goes as soon as nothing is missing. Linux only; elsewhere it stays unbound.
A container may run us as a root without CAP_SETUID: that is told, and no reason not to serve.
"""

from __future__ import annotations

import ctypes
import logging
import os
import pwd
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from resolver.errors import ConfigError

_log = logging.getLogger(__name__)
_PR_SET_KEEPCAPS: Final = 8
_CAPABILITY_VERSION_3: Final = 0x20080522
_NET_BIND_SERVICE: Final = 10
_UNPRIVILEGED: Final = 1024


def drop(user: str, *, keeps_ports: bool = False) -> bool:
    """Become *user* for good if we are root and *user* is not empty; True if it was done.

    *keeps_ports*: low ports may still be bound afterwards, until `forget_ports`. Raises ConfigError
    if there is no such account; where the system does not let us change, says so and stays.
    """
    if not user or os.geteuid() != 0:
        return False
    account = account_of(user)
    if account is None:
        raise ConfigError("server.user", user, 'an account of this machine, or ""')
    if keeps_ports:
        _prctl(_PR_SET_KEEPCAPS, 1)
    try:
        with suppress(PermissionError):  # a user namespace may forbid just this
            os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    except OSError as error:
        _log.warning("cannot become %s (%s); going on as root", user, error.strerror)
        return False
    if keeps_ports:
        _set_capabilities(1 << _NET_BIND_SERVICE)
        _prctl(_PR_SET_KEEPCAPS, 0)
    return True


def forget_ports() -> None:
    """Give up what `drop` kept."""
    if os.geteuid() != 0:
        _set_capabilities(0)


def may_bind(port: int) -> bool:
    """True if the system lets us bind *port* now."""
    if port >= _first_free() or os.geteuid() == 0:
        return True
    with suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/self/status").read_text("ascii", "replace").splitlines()
        effective = next(line for line in lines if line.startswith("CapEff:")).split()[1]
        return bool(int(effective, 16) & 1 << _NET_BIND_SERVICE)
    return False


def _first_free() -> int:
    """The first port that everybody may bind (ip(7), ip_unprivileged_port_start)."""
    with suppress(OSError, ValueError):
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text("ascii"))
    return _UNPRIVILEGED


def account_of(user: str) -> pwd.struct_passwd | None:
    """The account called *user*, if there is one."""
    try:
        return pwd.getpwnam(user)
    except KeyError:
        return None


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _set_capabilities(mask: int) -> None:
    """Exactly *mask* as effective and permitted capabilities (capset(2)); no more is inherited."""
    if sys.platform != "linux":
        return
    head = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    data = struct.pack("=6I", mask, mask, 0, 0, 0, 0)
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).capset(head, data)
