"""Limits: `resolver install` and `uninstall`."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("installation")

SETUP_FILE_OCTETS = limit(
    1 << 20,
    "octets of a file of the machine that is changed and kept to be put back",
    why="resolv.conf and its like have hundreds; more is something else",
)
SETUP_COMMAND_SECONDS = limit(
    20.0, "seconds for a program of the machine to end", why="systemctl waits for a service manager"
)
SETUP_START_SECONDS = limit(
    60.0, "seconds for the service to start or stop", why="a slow disk loads Python for seconds"
)
SETUP_PROVE_SECONDS = limit(
    15.0,
    "seconds until our own address has to resolve a name, or nothing is pointed at it",
    why="the first question of all: the root, its keys, a zone",
)
SETUP_ANSWER_SECONDS = limit(5.0, "seconds for one answer meanwhile", why="glibc's timeout")
SETUP_VERIFY_SECONDS = limit(
    4.0,
    "seconds for a program to get a name after the switch, or the switch is undone",
    why="five seconds without names in all, and putting back takes one",
)
