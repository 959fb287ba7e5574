"""What the page's process gives up before it listens to anybody.

Root, if it has it; every capability; to gain any by what it runs; to have more than some files
and some memory, to make processes; and, where the kernel knows how, to open any file and to connect
anywhere: the account may be the daemon's own, and then the token's file is the account's too. What
it has inherited is all that it will have.
"""

from __future__ import annotations

import os
import resource
import time
from contextlib import suppress
from typing import Final

from resolver.daemon import privileges
from resolver.limits import WEB_FILES, WEB_MEMORY_OCTETS
from resolver.runtime.private_files import SHARED_ACCOUNT
from resolver.web import landlock

_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38


def give_up() -> None:
    """From here on. Whatever the system refuses, the rest is given up all the same."""
    if os.geteuid() == 0:
        _become_nobody()
    privileges.set_capabilities(0)
    privileges.prctl(_PR_SET_NO_NEW_PRIVS, 1)
    privileges.prctl(_PR_SET_DUMPABLE, 0)
    for kind, most in (
        (resource.RLIMIT_NOFILE, WEB_FILES),
        (resource.RLIMIT_DATA, WEB_MEMORY_OCTETS),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(OSError, ValueError):
            hard = resource.getrlimit(kind)[1]
            allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(kind, (allowed, allowed))
    time.localtime()  # reads the time zone's file
    landlock.shut()


def _become_nobody() -> None:
    account = privileges.account_of(SHARED_ACCOUNT)
    if account is None:
        return
    with suppress(OSError):
        os.setgroups([])
    with suppress(OSError):
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
