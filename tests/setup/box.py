"""A container with systemd as process 1, over the host's /usr, with a program of this tree in it.

systemd-nspawn with an /etc, a /var and a network of its own: what happens in it happens to nobody
else. The program is a virtual environment of the system's Python in `/root`, where a service cannot
reach it: as pipx leaves it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from resolver.setup import program

NSPAWN = shutil.which("systemd-nspawn")
PYTHON = "/usr/bin/python3"
_COPIED = ("passwd", "group", "shadow", "nsswitch.conf", "pam.d", "alternatives", "dbus-1",
           "ld.so.cache", "login.defs", "services", "protocols")  # fmt: skip
_LEFT_OUT = ("matplotlib", "numpy", "PIL", "fontTools", "mpl_toolkits", "contourpy", "rich")
_MASKED = ("systemd-firstboot", "systemd-networkd", "console-getty", "systemd-resolved",
           "systemd-timesyncd")  # fmt: skip
_TIMERS = ("apt-daily", "apt-daily-upgrade", "dpkg-db-backup", "e2scrub_all", "fstrim", "man-db",
           "logrotate")  # fmt: skip
_UNIT = """[Unit]
Requires=dbus.service
After=basic.target dbus.service
FailureAction=exit-force
[Service]
Type=exec
ExecStart=/bin/sh -c 'exec >/out/log 2>&1; /bin/sh -e /root/script; echo $? >/out/status'
ExecStopPost=/bin/systemctl --no-block exit 0
"""


def why_not() -> str:
    """Why there can be no container here, or ""."""
    if os.geteuid() != 0:
        return "needs root"
    if NSPAWN is None or not shutil.which("script"):
        return "not installed: systemd-nspawn, script"
    if not Path("/usr/lib/systemd/systemd").exists() and not Path("/lib/systemd/systemd").exists():
        return "not installed: systemd"
    said = subprocess.run([PYTHON, "--version"], capture_output=True, text=True, check=False).stdout
    ours = f"Python {sys.version_info.major}.{sys.version_info.minor}."
    return "" if said.startswith(ours) else f"needs {ours[:-1]} as the system's Python"


class Told(NamedTuple):
    """How a script ended in the box, and what it wrote."""

    status: int
    text: str


def boot(top: Path, script: str, *, seconds: int) -> Told:
    """Run *script* (/bin/sh -e) in a box below *top* once it is up."""
    root = top / "box"
    _lay(root, script)
    _program(root / "root" / "venv")
    words = f"{NSPAWN} -D {root} --bind-ro=/usr --private-network --register=no --keep-unit -b"
    command = ["timeout", "-k", "3", str(seconds), "script", "-qc", words, "/dev/null"]
    console = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, check=False
    ).stdout.decode("utf-8", "replace")
    log, status = root / "out" / "log", root / "out" / "status"
    text = log.read_text("utf-8", "replace") if log.exists() else console[-2000:]
    said = status.read_text() if status.exists() else ""
    return Told(int(said) if re.fullmatch(r"\d+\s*", said) else -1, text)


def _lay(root: Path, script: str) -> None:
    """A file system that boots. It becomes "/": everybody may enter it."""
    root.mkdir(mode=0o755)
    for folder in ("out", "usr", "var", "root", "tmp", "etc/systemd/system", "opt"):
        (root / folder).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    for link in ("bin", "sbin", "lib", "lib64"):
        (root / link).symlink_to(f"usr/{link}")
    for name in _COPIED:
        source = Path("/etc", name)
        if source.is_dir():
            shutil.copytree(source, root / "etc" / name, symlinks=True)
        elif source.exists():
            shutil.copy2(source, root / "etc" / name)
    (root / "etc" / "hostname").write_text("box\n")
    (root / "etc" / "machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    (root / "etc" / "hosts").write_text("127.0.0.1 localhost box\n")
    shutil.copy2("/usr/lib/os-release", root / "etc" / "os-release")
    units = root / "etc" / "systemd" / "system"
    for name in (*(f"{one}.service" for one in _MASKED), *(f"{one}.timer" for one in _TIMERS)):
        (units / name).symlink_to("/dev/null")
    (units / "default.target").symlink_to("/usr/lib/systemd/system/multi-user.target")
    (units / "probe.service").write_text(_UNIT)
    (units / "multi-user.target.wants").mkdir()
    (units / "multi-user.target.wants" / "probe.service").symlink_to("../probe.service")
    (root / "root" / "script").write_text(script)


def _program(home: Path) -> None:
    """As pipx makes one, without the network: what this Python has of it, for the system's."""
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", home], check=True)
    site = next(home.glob("lib/python3*/site-packages"))
    for source, target in program._files(site):
        if not any(word in str(target) for word in _LEFT_OUT) and source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    program._copy_tree(program._package(), site / "resolver")
