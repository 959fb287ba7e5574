"""A machine of the test's own: mount and network namespaces, two resolvers, one of the layouts.

Run under `unshare -m -n`. 127.0.0.54 is asked before, 127.0.0.1 is what is installed; both answer
from the lab, so that `getent` says at any moment whether /etc/resolv.conf works. Each run of the
installer is a process that ends itself by SIGKILL before its n-th change.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from resolver.setup import asking, commands, looking
from resolver.setup.commands import Ended
from resolver.setup.failures import SetupFailed
from resolver.setup.files import Files
from resolver.setup.plan import Wishes
from resolver.setup.program import Program
from resolver.setup.run import Setup
from tests.setup.layouts import LAYOUTS, Layout

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "www.example.com"
WISHES = Wishes(NAME)
NEEDED = ("passwd", "group", "shadow", "login.defs", "ld.so.cache", "services", "protocols")
RESOLV_CONF = Path("/etc/resolv.conf")
_CLONE_NEWNS = 0x00020000


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def prepare(top: Path) -> None:
    """An /etc, a /run and a /var/lib of our own."""
    mount("--make-rprivate", "/")
    for folder in ("etc", "run", "var-lib"):
        (top / folder).mkdir()
    for name in NEEDED:
        if Path("/etc", name).exists():
            shutil.copy2(f"/etc/{name}", top / "etc" / name)
    (top / "etc" / "hosts").write_text("127.0.0.1 localhost\n")
    (top / "etc" / "passwd").open("a").write("resolver:x:64000:64000::/:/bin/false\n")
    for folder in ("etc", "run", "var-lib"):
        mount("--bind", str(top / folder), "/" + folder.replace("-", "/"))
    Path("/run/lock").mkdir()


def lay(layout: Layout) -> None:
    """The machine before anybody installed anything."""
    for path, text in (("/etc/nsswitch.conf", layout.nsswitch), *layout.files):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)
    for folder in layout.folders:
        Path(folder).mkdir(parents=True, exist_ok=True)
    if layout.link:
        RESOLV_CONF.symlink_to(layout.link)
        target = Path(os.path.normpath(Path("/etc", layout.link).as_posix()))
        target = Path(str(target).replace("/var/run/", "/run/"))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(layout.text)
        if not RESOLV_CONF.exists():  # /var/run is no link on every machine
            RESOLV_CONF.unlink()
            RESOLV_CONF.symlink_to(target)
    else:
        RESOLV_CONF.write_text(layout.text)
        os.chown(RESOLV_CONF, 0, 4)
        RESOLV_CONF.chmod(0o664)
    if layout.is_mount:
        beside = Path("/run/mounted")
        beside.write_text(layout.text)
        mount("--bind", str(beside), str(RESOLV_CONF))


def seen() -> dict[str, tuple[object, ...]]:
    """All of /etc but the configuration, which stays."""
    found: dict[str, tuple[object, ...]] = {}
    for top in ("/etc", "/var/lib/resolver-install"):
        for folder, folders, files in os.walk(top):
            for name in (*folders, *files):
                path = Path(folder, name)
                status = path.lstat()
                what: object = ""
                if stat.S_ISLNK(status.st_mode):
                    what = str(path.readlink())
                elif stat.S_ISREG(status.st_mode):
                    what = path.read_bytes()
                found[str(path)] = (stat.S_IFMT(status.st_mode), what, stat.S_IMODE(status.st_mode),
                               status.st_uid, status.st_gid)  # fmt: skip
    return {path: what for path, what in found.items() if not path.startswith("/etc/resolver")}


def run(words: tuple[str, ...], *, timeout_s: float = 20.0) -> Ended:
    """As on a machine where the program stands in /usr/bin; nothing of the real one is told."""
    if words[0] == "/usr/bin/resolver" or words[0] in {"systemctl", "dhcpcd", "resolvconf"}:
        return Ended(0)
    return commands.run(words, timeout_s=timeout_s)


def process(work: Callable[[Setup], None], kill_at: int) -> tuple[int, list[str]]:
    """*work* in a process that is killed before its *kill_at*th change: its end, its changes."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        count = 0

        def pause(what: str) -> None:
            nonlocal count
            os.write(writing, f"{what}\n".encode())
            if count == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            count += 1

        setup = Setup(lambda _: None, Files(pause=pause), run)
        try:
            work(setup)
        except SetupFailed as failure:
            os.write(writing, f"failed: {failure}\n".encode())
            os._exit(1)
        except BaseException as error:  # noqa: BLE001  # a child must not go on in the test
            os.write(writing, f"fault: {error!r}\n".encode())
            os._exit(2)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        lines = told.read().splitlines()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), lines


def works() -> bool:
    return not subprocess.call(["getent", "ahosts", NAME], stdout=subprocess.DEVNULL)


def install(setup: Setup) -> None:
    setup.install(WISHES)


def uninstall(setup: Setup) -> None:
    setup.uninstall(NAME)


class Story:
    """One layout, through every death of installer and uninstaller."""

    def __init__(self, layout: Layout) -> None:
        self.name = layout.name
        self.before = seen()
        self.faults: list[str] = []
        self.deaths = 0

    def expect(self, is_so: object, what: str) -> None:
        if not is_so:
            self.faults.append(f"{self.name}: {what}")

    def whole(self, work: Callable[[Setup], None], what: str) -> None:
        status, lines = process(work, -1)
        self.expect(status == 0, f"{what} ended with {status}: {lines[-1:]}")
        self.expect(works(), f"no names after {what}")

    def as_before(self, what: str) -> None:
        now = seen()
        differing = [
            path for path in {*now, *self.before} if now.get(path) != self.before.get(path)
        ]
        self.expect(not differing, f"{what}: differs: {sorted(differing)}")

    def die_everywhere(self, work: Callable[[Setup], None], what: str) -> None:
        """Killed before each change, then on by each of the two ways there are."""
        for then, goes_on in (("install", install), ("uninstall", uninstall)):
            for at in range(1000):
                if work is uninstall:
                    self.whole(install, "an installation")
                status, lines = process(work, at)
                if status == 0:
                    break
                self.deaths += 1
                where = f"{what} killed at {at} ({lines[-1] if lines else ''})"
                self.expect(status == -signal.SIGKILL, f"{where}: status {status}")
                self.expect(works(), f"no names after {where}")
                self.whole(goes_on, f"{then} after {where}")
                if goes_on is install:
                    self.whole(uninstall, f"uninstall after {where}")
                self.as_before(where)
            if work is install:
                self.whole(uninstall, "uninstall")

    def tell(self) -> None:
        self.whole(install, "install")
        self.expect(asked_here(), "programs ask somebody else after the installation")
        self.whole(install, "install once more")
        self.whole(uninstall, "uninstall")
        self.as_before("there and back")
        self.whole(uninstall, "uninstall once more")
        self.as_before("uninstall once more")


def asked_here() -> bool:
    text = RESOLV_CONF.read_text()
    return text.startswith("# Written by") and "nameserver 127.0.0.1\n" in text


def main(names: list[str]) -> int:
    top = Path(sys.argv[1])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    vars(looking)["program"] = lambda: Program("/usr/bin/resolver", "/usr")
    servers = [
        subprocess.Popen([sys.executable, "-m", "resolver", "serve", "--lab", *listens])
        for listens in (
            ("--listen", "127.0.0.1:53", "--listen", "[::1]:53"),
            ("--listen", "127.0.0.54:53"),
        )
    ]
    faults, deaths = [], 0
    try:
        for host in ("127.0.0.1", "127.0.0.54"):
            reason = asking.why_not(host, NAME, 100.0)
            assert not reason, reason
        for number, layout in enumerate(each for each in LAYOUTS if each.name in names):
            folder = top / str(number)
            folder.mkdir()
            child = os.fork()
            if child == 0:
                os._exit(_one(layout, folder))
            os.waitpid(child, 0)
            said = (folder / "said").read_text().splitlines()
            deaths += int(said[0])
            faults += said[1:]
    finally:
        for server in servers:
            server.terminate()
            server.wait()
    sys.stdout.write("\n".join([f"{deaths} deaths", *faults, ""]))
    return 1 if faults else 0


def _one(layout: Layout, folder: Path) -> int:
    """In mount namespaces of its own, since layouts leave things behind."""
    assert ctypes.CDLL(None).unshare(_CLONE_NEWNS) == 0  # os.unshare is Python 3.12's
    said = folder / "said"
    prepare(folder)
    lay(layout)
    story = Story(layout)
    story.expect(works(), "no names before anything")
    story.tell()
    if os.environ.get("DEATHS"):
        story.die_everywhere(install, "install")
        story.die_everywhere(uninstall, "uninstall")
    said.write_text("\n".join([str(story.deaths), *story.faults]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:]))
