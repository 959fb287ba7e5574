"""What the process asks of its host: give up root, tell the service manager it is ready.

Linux first, each call with a fallback: where a platform lacks one, the daemon runs without it.
"""

from __future__ import annotations

import gc
import os
import pwd
import socket

import trio

from resolver.errors import ConfigError
from resolver.limits import GARBAGE_OBJECTS, GARBAGE_SECONDS

_YOUNG_PASSES = 1
_FEW_PASSES = 2
_NEVER = 1 << 30


def drop_privileges(user: str) -> bool:
    """Become *user* for good if we are root and *user* is not empty; True if it was done.

    Raises ConfigError if there is no such account.
    """
    if not user or os.geteuid() != 0:
        return False
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise ConfigError("server.user", user, 'an account of this machine, or ""') from None
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    return True


async def collect_garbage() -> None:
    """Keep the cyclic garbage collector to what is young, in passes of a few milliseconds.

    Its own full pass walks every cached record: 274 ms for a million, in one tick of the event
    loop. The caches free by reference counts alone and hold no cycles, nor does a query leave any;
    so what has survived two young passes is looked at once more and then set aside for good. In a
    burst, when so much is in flight that even this would be felt, it is set aside unseen.
    """
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(int(GARBAGE_OBJECTS), _YOUNG_PASSES, _NEVER)
    try:
        while True:
            await trio.sleep(float(GARBAGE_SECONDS))
            survived = gc.get_count()[
                2
            ]  # passes over the middle generation since the last full one
            if survived >= _FEW_PASSES:
                if survived <= 2 * _FEW_PASSES:
                    gc.collect()
                gc.freeze()
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


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
