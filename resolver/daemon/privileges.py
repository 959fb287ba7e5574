"""Giving up root: the account to run as, and the one capability that stays.

A port below 1024 may have to be bound later: an address comes, a reload names one, a daemon that
was drained listens again. That needs CAP_NET_BIND_SERVICE, which BIND keeps for its interface scans
and the unit of systemd gives; it is good for nothing else. Linux only; elsewhere it goes with root.
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
from resolver.runtime.private_files import SHARED_ACCOUNT

_log = logging.getLogger(__name__)
AUTO: Final = "auto"
OWN: Final = "resolver"  # the account that `resolver install` and packages make
_PR_SET_KEEPCAPS: Final = 8
_CAPABILITY_VERSION_3: Final = 0x20080522
_NET_BIND_SERVICE: Final = 10
_UNPRIVILEGED: Final = 1024


def drop(user: str) -> bool:
    """Become *user* for good if we are root and *user* is not empty; True if it was done.

    Low ports may still be bound afterwards. Raises ConfigError if there is no such account; where
    the system does not let us change, says so and stays.
    """
    if not user or os.geteuid() != 0:
        return False
    account = account_of(user)
    if account is None:
        raise ConfigError("server.user", user, 'an account of this machine, or ""')
    prctl(_PR_SET_KEEPCAPS, 1)
    try:
        with suppress(PermissionError):  # a user namespace may forbid just this
            os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    except OSError as error:
        _log.warning("cannot become %s (%s); going on as root", user, error.strerror)
        return False
    set_capabilities(1 << _NET_BIND_SERVICE)
    prctl(_PR_SET_KEEPCAPS, 0)
    return True


def may_bind(port: int) -> bool:
    """True if the system lets us bind *port* now."""
    if port >= _first_free() or os.geteuid() == 0:
        return True
    with suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/self/status").read_text("utf-8", "replace").splitlines()
        effective = next(line for line in lines if line.startswith("CapEff:")).split()[1]
        return bool(int(effective, 16) & 1 << _NET_BIND_SERVICE)
    return False


def _first_free() -> int:
    """The first port that everybody may bind (ip(7), ip_unprivileged_port_start)."""
    with suppress(OSError, ValueError):
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text("utf-8"))
    return _UNPRIVILEGED


def user_of(told: str) -> str:
    """The account that `server.user` means: "auto" is our own, where this machine has it."""
    if told != AUTO:
        return told
    return OWN if account_of(OWN) is not None else SHARED_ACCOUNT


def account_of(user: str) -> pwd.struct_passwd | None:
    """The account called *user*, if there is one."""
    try:
        return pwd.getpwnam(user)
    except KeyError:
        return None


def prctl(option: int, value: int) -> None:
    """As prctl(2), where there is one. Never raises."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def set_capabilities(mask: int) -> None:
    """Exactly *mask* as effective and permitted capabilities (capset(2)); no more is inherited."""
    if sys.platform != "linux":
        return
    head = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    data = struct.pack("=6I", mask, mask, 0, 0, 0, 0)
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).capset(head, data)
