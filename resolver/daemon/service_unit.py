"""What systemd brings about before it starts us, as the installed service file says.

For `resolver check`, which is run by somebody else, and mostly before the service: a directory that
systemd makes (StateDirectory= and its kin), or that only the service may enter (DynamicUser= keeps
it below /var/lib/private), is no mistake of the configuration; nor is an account that lives as long
as the service. Drop-ins are not looked at. systemd.exec(5).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

# Where units lie, the first that has it counts (systemd.unit(5)).
_FOLDERS: Final = ("/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
                   "/usr/lib/systemd/system", "/lib/systemd/system")  # fmt: skip
UNIT: Final = "resolver.service"
_ROOTS: Final = {
    "StateDirectory": "/var/lib",
    "LogsDirectory": "/var/log",
    "CacheDirectory": "/var/cache",
    "RuntimeDirectory": "/run",
    "ConfigurationDirectory": "/etc",
}
_YES: Final = frozenset({"1", "yes", "y", "true", "t", "on"})


class Promises(NamedTuple):
    """*directories* there will be, and the *user* that is made for as long as it runs, or ""."""

    directories: frozenset[Path] = frozenset()
    user: str = ""


def promises() -> Promises:
    """Those of the installed service file; none where there is no file. Never raises."""
    for folder in _FOLDERS:
        try:
            return _read(Path(folder, UNIT).read_text("utf-8", "replace"))
        except OSError:
            continue
    return Promises()


def _read(text: str) -> Promises:
    said: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition("=")
        said[key.strip()] = value.strip()
    directories = (
        Path(root, each.partition(":")[0])
        for key, root in _ROOTS.items()
        for each in said.get(key, "").split()
    )
    is_dynamic = said.get("DynamicUser", "").lower() in _YES
    return Promises(frozenset(directories), said.get("User", "resolver") if is_dynamic else "")
