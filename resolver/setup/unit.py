"""The service file for this machine, from the one that comes with the program. Pure.

Which program, and how a reload is told: from systemd 253 on `Type=notify-reload` has systemd send
SIGHUP and wait for READY=1; before, ExecReload= sends it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from resolver.setup.places import CONFIG

NOTIFY_RELOAD_SINCE: Final = 253
_EXEC: Final = re.compile(r"^ExecStart=.*$", re.MULTILINE)
_CLOCK: Final = re.compile(r"^(?:#.*\n)*ProtectClock=yes$", re.MULTILINE)
_ASKS_CLOCK: Final = (
    "# Asking the kernel whether the clock is synchronised. Setting it takes a capability that we\n"
    "# lack.\nSystemCallFilter=adjtimex clock_adjtime"
)
_TYPE: Final = re.compile(r"^Type=notify$", re.MULTILINE)
_RELOAD: Final = re.compile(r"^(?:#.*\n)*ExecReload=.*\n", re.MULTILINE)
# Below the package in a wheel, in contrib/ of a source tree.
SHIPPED: Final = ("share/systemd/resolver.service", "contrib/systemd/resolver.service")
SHIPPED_CONFIG: Final = ("share/resolver.toml", "contrib/resolver.toml")


def shipped(names: tuple[str, str]) -> str:
    """The text of a file that comes with the program."""
    package = Path(__file__).resolve().parents[1]
    inside = package / names[0]
    return (inside if inside.is_file() else package.parent / names[1]).read_text("utf-8")


def fitted(
    template: str, command: str, *, version: int, lab: bool = False, has_flag: bool = True
) -> str:
    """*template* for the program *command* under systemd *version*. *lab*: a simulated Internet.

    *has_flag*: systemd-timesyncd sets the clock, and a file tells whether it is synchronised.
    """
    words = f"{command} serve --config {CONFIG}{' --lab' if lab else ''}"
    text = _EXEC.sub(lambda _: f"ExecStart={words}", template)
    if not has_flag:
        text = _CLOCK.sub(_ASKS_CLOCK, text)
    if version >= NOTIFY_RELOAD_SINCE:
        text = _RELOAD.sub("", _TYPE.sub("Type=notify-reload", text))
    return text


def version_of(said: str) -> int:
    """The number in what `systemctl --version` says; 0 if there is none."""
    found = re.search(r"systemd (\d+)", said)
    return int(found[1]) if found else 0
