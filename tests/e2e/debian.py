"""What the tests of the Debian package share: the package, others made from it, and machines to
install it on: a bare Debian in a folder, entered by chroot or booted with systemd as process 1.

The bare Debian comes from the machine's own package sources, once for all tests of a run. Needs
root; a program that is not installed is named.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.daemon import PROJECT, require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

BUILDERS = ("dpkg-buildpackage", "dh", "fakeroot", "mmdebstrap")
# What the package asks for, and what a machine has that boots.
MACHINE = ("python3", "adduser", "systemd", "systemd-sysv", "dbus", "passwd")
RESOLV_CONF = "# before\nnameserver 192.0.2.53\n"
BOOT_SECONDS = 240


def built(folder: Path, version: str, *architectures: str) -> Path:
    """The package of this tree, as `make deb` makes it."""
    require(*BUILDERS)
    environment = os.environ | {"DIST": str(folder), "VERSION": version}
    command = [str(PROJECT / "tools" / "deb"), *architectures]
    subprocess.run(command, env=environment, check=True, timeout=600)
    (package,) = folder.glob(f"resolver_{version}_*.deb")
    return package


def derived(
    package: Path, version: str, edits: Mapping[str, Callable[[str], str]] | None = None
) -> Path:
    """*package* as another version, with some files changed; nothing is built anew.

    *edits* by a path in the package, in which TREE stands for the folder of the version.
    """
    folder = package.parent / version
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["dpkg-deb", "-R", package, folder], check=True)
    top = folder / "usr/lib/resolver"
    before = (top / "packaged").readlink()
    (top / before).rename(top / version)
    (top / "packaged").unlink()
    (top / "packaged").symlink_to(version)
    control = folder / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {version}", control.read_text()))
    (folder / "DEBIAN/md5sums").unlink(missing_ok=True)
    (code,) = (top / version).glob("lib/python3*/site-packages/resolver/__init__.py")
    code.write_text(
        re.sub(r'(?m)^__version__ = ".*"$', f'__version__ = "{version}"', code.read_text())
    )
    for path, edit in (edits or {}).items():
        (file,) = folder.glob(path.replace("TREE", f"usr/lib/resolver/{version}"))
        text = file.read_text()
        assert edit(text) != text, path
        file.write_text(edit(text))
    made = package.with_name(f"resolver_{version}_test.deb")
    command = ["dpkg-deb", "--root-owner-group", "-Znone", "-b", str(folder), str(made)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(folder)
    return made


@contextlib.contextmanager
def bare(folder: Path, *included: str) -> Iterator[Path]:
    """A bare Debian in memory, with the packages *included* and what they need: its top."""
    require("mmdebstrap")
    with mounted("tmpfs", folder, "size=2g,mode=755"):
        top = folder / "debian"
        sources = [path for path in _sources() if "bookworm" in path.read_text()]
        subprocess.run(
            [
                *("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase"),
                *("--dpkgopt=force-unsafe-io", f"--include={','.join(included)}"),
                *("bookworm", str(top), *map(str, sources)),
            ],
            check=True, timeout=900,
        )  # fmt: skip
        yield top


@contextlib.contextmanager
def mounted(kind: str, place: Path, options: str) -> Iterator[None]:
    """A file system at *place*, for as long as the block."""
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", kind, "-o", options, kind, place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def _sources() -> list[Path]:
    return sorted(Path("/etc/apt/sources.list.d").glob("*.sources")) or [
        Path("/etc/apt/sources.list")
    ]


@dataclass(frozen=True)
class Machine:
    """A bare Debian in *root*; *packages* of the host are seen in /packages."""

    root: Path
    packages: Path

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """By chroot: no systemd runs, as in an image that is being built."""
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
        inside = (
            'mkdir -p "$0/packages"; mount --bind "$1" "$0/packages"; '
            'mount -t proc proc "$0/proc"; exec chroot "$0" sh -ec "$2"'
        )
        return subprocess.run(
            [*("unshare", "--mount", "--pid", "--fork", "--net", "sh", "-ec", inside),
             str(self.root), str(self.packages), script],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False, timeout=300,
        )  # fmt: skip

    def booted(self, script: str) -> str:
        """What *script* says when run on the booted machine, without a network. It has to end with
        status 0."""
        (self.root / "root/script").write_text(script)
        unit = self.root / "etc/systemd/system/probe.service"
        unit.write_text(PROBE)
        wants = self.root / "etc/systemd/system/multi-user.target.wants"
        wants.mkdir(exist_ok=True)
        (wants / unit.name).unlink(missing_ok=True)
        (wants / unit.name).symlink_to(unit.relative_to(self.root).as_posix().join(("/", "")))
        (self.root / "out").mkdir(exist_ok=True)
        command = (
            f"systemd-nspawn -q -D {self.root} --bind-ro={self.packages}:/packages "
            "--private-network --resolv-conf=off --register=no --keep-unit --link-journal=no -b"
        )
        console = self.root / "console"
        with console.open("w") as output:
            subprocess.run(
                ["timeout", "-k", "5", str(BOOT_SECONDS), "script", "-qec", command, "/dev/null"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False,
            )  # fmt: skip
        log = self.root / "out/log"
        said = log.read_text() if log.exists() else f"did not boot:\n{console.read_text()[-3000:]}"
        status = self.root / "out/status"
        assert status.exists(), said
        assert status.read_text().strip() == "0", said
        return said


PROBE = """[Unit]
Requires=dbus.service
After=basic.target dbus.service systemd-user-sessions.service
FailureAction=exit-force
[Service]
Type=exec
ExecStart=/bin/sh -c 'exec >/out/log 2>&1; /bin/sh -eu /root/script; echo $? >/out/status'
ExecStopPost=/bin/systemctl --no-block exit 0
"""


@contextlib.contextmanager
def machine(bare: Path, folder: Path, packages: Path) -> Iterator[Machine]:
    """A machine of its own over a *bare* Debian, which stays as it is."""
    require("unshare", "chroot")
    root = folder / "root"
    with mounted("tmpfs", folder / "changes", "size=1g,mode=755"):
        for name in ("upper", "work"):
            (folder / "changes" / name).mkdir()
        layers = f"lowerdir={bare},upperdir={folder}/changes/upper,workdir={folder}/changes/work"
        with mounted("overlay", root, layers):
            (root / "etc/resolv.conf").unlink(missing_ok=True)
            (root / "etc/resolv.conf").write_text(RESOLV_CONF)
            yield Machine(root, packages)
