"""Directories for what nobody else may read, such as the names that people ask for."""

from __future__ import annotations

import os
import pwd
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

SHARED_ACCOUNT: Final = "nobody"  # many programs become it


def private_directory(path: Path) -> str:
    """Have *path* be a directory, 0700, of who we are now; why it cannot be used, or "".

    Raises OSError where it cannot be made or looked at.
    """
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        return "it is no directory"
    if found.st_uid != os.geteuid():
        return "it belongs to another account"
    if found.st_mode & 0o077:
        path.chmod(0o700)
    return ""


def own_account() -> str:
    """Who we are now: its name, or its number where it has none."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"user {os.geteuid()}"


def shared_account() -> str:
    """Why who we are now can keep nothing to itself; "" if that is no trouble."""
    name = own_account()
    if name != SHARED_ACCOUNT:
        return ""
    return f"other programs run as the account {name} too: set server.user"
