#!/usr/bin/python3
"""Which version of the installed package runs, and the way back to the one before.

Installed as /usr/lib/resolver/switch; the package's scripts call it. Standard library only, and
nothing of the versions that it judges.

    keep                 before an upgrade: the version that runs is copied aside (hard links), with
                         its unit and its configuration, and is what runs from here on
    take [--no-restart]  after it: the version that the package brought runs. A service that ran is
                         restarted. If it resolved before and does not within ten seconds, the
                         version kept comes back, and the status is 1.
    back                 the version kept runs, with its unit and its configuration
    clock                another program keeps the clock: the unit lets the kernel be asked of it,
                         where systemd-timesyncd is not there to tell by a file
    leave                before a removal: undoes `resolver install`; status 1 where this machine
                         would be without names

    VERSION/        a version, as the package brings it     packaged -> VERSION
    previous/       the version kept                        current  -> VERSION or previous

Everything runs as current/bin/python, so that a daemon that is running finds its modules there
while the package's files change.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import secrets
import shutil
import socket
import struct
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Seconds: from the restart to an answer; for the daemon that runs to show that it resolves; for one
# reply, and until the question is sent once more: one that came to a daemon as it ended is lost;
# between two looks at the service; for a word from the service manager.
WITHIN_S, BEFORE_S, REPLY_S, AGAIN_S, LOOK_S, MANAGER_S = 10.0, 5.0, 1.0, 0.1, 0.05, 30.0
# Where the daemon listens unless its configuration says otherwise.
USUAL = ("127.0.0.1:53", "[::1]:53")
DNS_PORT = 53
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # nothing is bound
NOERROR, NXDOMAIN = 0, 3
UNIT, CONFIG = "resolver.service", "resolver.toml"
# A service in one of these states is to run, whether it manages to or not.
WANTED = ("active", "reloading", "activating", "failed")

# Whether the clock is kept is told by systemd-timesyncd in a file, by others to the kernel, and the
# packaged unit does not let us ask that. Setting it takes a capability that the service lacks.
ASKS_CLOCK = """# systemd-timesyncd does not keep the clock here. The package sees to this file.
[Service]
ProtectClock=no
SystemCallFilter=adjtimex clock_adjtime
"""

Endpoint = tuple[str, int]


class SwitchError(Exception):
    """One sentence for whoever upgrades."""


class Service(Protocol):
    """The service manager, as far as it is needed here."""

    def state(self) -> tuple[str, int]:
        """What systemd calls ActiveState, and the process; ("", 0) without a service manager."""

    def reload(self) -> None:
        """Units are read anew, and how often ours has failed is forgotten."""

    def restart(self) -> None:
        """Begin to restart the service, and do not wait for it."""


class Systemd:
    """resolver.service of this machine."""

    def state(self) -> tuple[str, int]:
        if not self._is_here():
            return "", 0
        said = self._call("show", "--property=ActiveState", "--property=MainPID", UNIT)
        found = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
        return found.get("ActiveState", ""), int(found.get("MainPID") or 0)

    def reload(self) -> None:
        if self._is_here():
            self._call("daemon-reload")
            self._call("reset-failed", UNIT)

    def restart(self) -> None:
        self._call("--no-block", "restart", UNIT)

    def _is_here(self) -> bool:
        return Path("/run/systemd/system").is_dir()

    def _call(self, *arguments: str) -> str:
        """What systemctl printed; what it finds wrong shows in the state of the service."""
        try:
            done = subprocess.run(  # noqa: S603  # verbs and names of this file
                ["/usr/bin/env", "systemctl", *arguments], stdin=subprocess.DEVNULL,
                capture_output=True, text=True, check=False, timeout=MANAGER_S,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SwitchError(f"systemctl {' '.join(arguments)}: {error}") from None
        return done.stdout


@dataclass(frozen=True)
class Switch:
    """The versions below *top*, and what goes with them."""

    top: Path = Path("/usr/lib/resolver")
    unit: Path = Path("/lib/systemd/system", UNIT)
    config: Path = Path("/etc/resolver", CONFIG)
    resolv_conf: Path = Path("/etc/resolv.conf")
    timesyncd: Path = Path("/lib/systemd/systemd-timesyncd")
    service: Service = field(default_factory=Systemd)

    @property
    def previous(self) -> Path:
        return self.top / "previous"

    @property
    def packaged(self) -> Path:
        return self.top / (self.top / "packaged").readlink()

    @property
    def current(self) -> Path | None:
        """The version that runs; None before the first one does."""
        try:
            tree = self.top / (self.top / "current").readlink()
        except OSError:
            return None
        return tree if (tree / "bin").is_dir() else None

    # --- the verbs -----------------------------------------------------------------------------

    def keep(self) -> None:
        """Copy the version that runs to `previous`, where it goes on while its files change."""
        tree = self.current
        if tree is None:
            return
        if tree != self.previous:
            beside = self.top / "previous.new"
            shutil.rmtree(beside, ignore_errors=True)
            shutil.copytree(tree, beside, symlinks=True, copy_function=_link)
            _copy(self.unit, beside / UNIT)
            (beside / "version").write_text(f"{tree.name}\n", "utf-8")
            shutil.rmtree(self.previous, ignore_errors=True)
            beside.rename(self.previous)
        _copy(self.config, self.previous / CONFIG)
        self._point(self.previous)
        for folder in self.packaged.rglob("__pycache__"):  # dpkg does not know them
            shutil.rmtree(folder, ignore_errors=True)

    def take(self, *, restarts: bool) -> None:
        """Have the packaged version run. Raises SwitchError if it does not, and it went back."""
        new = self.packaged
        _compile(new)
        state, pid = self.service.state()
        runs = restarts and state in WANTED
        was_up = runs and state in ("active", "reloading")
        resolved = was_up and bool(self._resolves(pid=0, within_s=BEFORE_S))
        has_way_back = self.current == self.previous
        self._activate(new)
        if not runs:
            return
        started = time.monotonic()
        self.service.restart()
        well_at = self._resolves(pid=pid, within_s=WITHIN_S, is_up_enough=not resolved)
        if well_at:
            what = "resolves" if resolved else "runs"
            say(f"{version(new)} {what} {well_at - started:.2f} s after the restart")
        elif not (was_up and has_way_back):
            say(f"{version(new)} does not run yet; systemctl status {UNIT} says why")
        else:
            self._give_up(new, "resolve" if resolved else "run")

    def back(self) -> None:
        """Have the kept version run, with its unit and configuration."""
        if not (self.previous / "bin").is_dir():
            raise SwitchError(f"no version is kept in {self.previous}")
        state, pid = self.service.state()
        self._put_back()
        if state in WANTED:
            self.service.restart()
            if not self._resolves(pid=pid, within_s=WITHIN_S):
                raise SwitchError(f"{version(self.previous)} is back, and does not resolve either")
        say(f"{version(self.previous)} is back")

    def clock(self) -> bool:
        """Have the unit fit who keeps the clock; True if it is another unit now."""
        drop_in = self.unit.with_name(f"{UNIT}.d") / "clock.conf"
        wanted = "" if self.timesyncd.exists() else ASKS_CLOCK
        if wanted == (drop_in.read_text("utf-8") if drop_in.is_file() else ""):
            return False
        if wanted:
            drop_in.parent.mkdir(exist_ok=True)
            drop_in.write_text(wanted, "utf-8")
        else:
            drop_in.unlink()
            with contextlib.suppress(OSError):  # there may be others
                drop_in.parent.rmdir()
        return True

    def fit_clock(self) -> None:
        """The same for a service that may be running."""
        if self.clock():
            self.service.reload()
            if self.service.state()[0] == "active":
                self.service.restart()

    def leave(self) -> None:
        """Undo what `resolver install` did. Raises SwitchError if names still depend on us."""
        runs = self.service.state()[0] in ("active", "reloading")
        program = self.top / "current" / "bin" / "resolver"
        if program.is_file() and _call(program, "uninstall", "--help").returncode == 0:
            done = _call(program, "uninstall")
            if done.returncode != 0:
                raise SwitchError(f"resolver uninstall: {done.stderr.strip() or done.stdout}")
        if runs and points_here(self.resolv_conf):
            raise SwitchError(
                f"{self.resolv_conf} names this machine alone: point it elsewhere first "
                "(/usr/share/doc/resolver/resolv-conf.md), or stop the service"
            )

    # --- their parts ---------------------------------------------------------------------------

    def _give_up(self, new: Path, what: str) -> None:
        """The way back. Always raises SwitchError, which says what became of it."""
        _, pid = self.service.state()
        old = version(self.previous)
        said = f"{version(new)} did not {what} within {WITHIN_S:.0f} s"
        self._put_back()
        self.service.restart()
        if self._resolves(pid=pid, within_s=WITHIN_S):
            raise SwitchError(f"{said}: {old} is back, and resolves (journalctl -u resolver)")
        raise SwitchError(f"{said}: {old} is back, and does not resolve either")

    def _put_back(self) -> None:
        """The kept version, unit and configuration; what the configuration was stands beside."""
        old, now = self.previous / CONFIG, self.config
        if old.is_file() and not (now.is_file() and old.read_bytes() == now.read_bytes()):
            if now.is_file():
                beside = now.with_name(f"{CONFIG}.{self.packaged.name}")
                now.replace(beside)
                say(f"the configuration is the one from before; the other is {beside}")
            _copy(old, now)
        self._activate(self.previous)

    def _activate(self, tree: Path) -> None:
        """*tree* is what a start of the service starts, by the unit that belongs to it."""
        unit = tree / UNIT
        if unit.is_file() and not (
            self.unit.is_file() and unit.read_bytes() == self.unit.read_bytes()
        ):
            _copy(unit, self.unit)
        self.clock()
        self._point(tree)
        self.service.reload()

    def _point(self, tree: Path) -> None:
        beside = self.top / "current.new"
        beside.unlink(missing_ok=True)
        beside.symlink_to(tree.name)
        beside.replace(self.top / "current")

    def _resolves(self, *, pid: int, within_s: float, is_up_enough: bool = False) -> float:
        """Does a service whose process is not *pid* answer in time, and with more than a failure?

        When it did, on the monotonic clock; 0.0 if it does not. Where it cannot be asked
        (*is_up_enough*, or it listens on nothing that we know), what counts is that systemd calls
        it active: the daemon has said that it is ready.
        """
        deadline = time.monotonic() + within_s
        places = [] if is_up_enough else list(listens(self.config))
        while True:
            # The cheap question first: each look at the service is a program that is started, in
            # the time of the one that is waited for.
            if not places or any(resolves(place) for place in places):
                answered_at = time.monotonic()
                state, found = self.service.state()
                if state == "active" and found != pid:
                    return answered_at
            if time.monotonic() >= deadline:
                return 0.0
            time.sleep(LOOK_S)


def version(tree: Path) -> str:
    """ "resolver 1.2", by the name of its tree or the note in it."""
    with contextlib.suppress(OSError):
        return f"resolver {(tree / 'version').read_text('utf-8').strip()}"
    return f"resolver {tree.name}"


def listens(config: Path) -> Iterator[Endpoint]:
    """Where the daemon takes plain DNS, by its configuration."""
    try:
        said = tomllib.loads(config.read_text("utf-8-sig")).get("server", {}).get("listen", USUAL)
    except (OSError, ValueError, AttributeError):
        said = USUAL
    for text in said if isinstance(said, list | tuple) else [said]:
        scheme, _, rest = str(text).rpartition("://")
        host, colon, port = rest.rpartition(":")
        if not colon or rest.endswith("]") or (":" in host and not host.startswith("[")):
            host, port = rest, str(DNS_PORT)
        host = host.strip("[]")
        if scheme in ("", "udp", "udp+tcp") and port.isdecimal():
            yield WILDCARDS.get(host, host), int(port)


def resolves(place: Endpoint) -> bool:
    """Does the server there find out about a name that nobody has asked for before?"""
    label = b"probe-" + secrets.token_hex(6).encode()
    question = b"".join(bytes([len(part)]) + part for part in (label, b"example", b"com", b""))
    number = secrets.randbits(16)
    # RFC 1035 §4.1: one question, recursion desired, for an address, in class IN.
    query = struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + question + struct.pack("!2H", 1, 1)
    family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(AGAIN_S)
            sock.connect(place)
            reply = asked_again(sock, query)
    except OSError:
        return False
    return (
        reply[:2] == query[:2]
        and reply[12 : len(query)] == query[12:]
        and reply[3] & 0x0F in (NOERROR, NXDOMAIN)
    )


def asked_again(sock: socket.socket, query: bytes) -> bytes:
    """The reply. Raises OSError: nobody is there, or none comes within REPLY_S."""
    deadline = time.monotonic() + REPLY_S
    while True:
        sock.send(query)
        try:
            return sock.recv(0xFFFF)
        except TimeoutError:
            if time.monotonic() >= deadline:
                raise


def _compile(tree: Path) -> None:
    """Bytecode for *tree*, so that no start has to make it; one without starts all the same."""
    with contextlib.suppress(OSError):
        _call(tree / "bin" / "python", "-I", "-m", "compileall", "-q", "-j0", str(tree / "lib"))


def points_here(resolv_conf: Path) -> bool:
    """Would this machine be without names if nobody answered at its loopback addresses?"""
    try:
        lines = resolv_conf.read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    servers = [
        words[1] for line in lines if (words := line.split())[:1] == ["nameserver"] and words[1:]
    ]
    return bool(servers) and all(server in ("127.0.0.1", "::1") for server in servers)


def _call(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # paths and words of this file
        [str(program), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)


def _copy(source: Path, target: Path) -> None:
    """Whole or not at all, with its owner and rights; nothing if there is no *source*."""
    if not source.is_file():
        return
    beside = target.with_name(f"{target.name}.new")
    beside.unlink(missing_ok=True)
    beside.touch(mode=0o600)
    found = source.stat()
    shutil.copyfile(source, beside)
    os.chown(beside, found.st_uid, found.st_gid)
    shutil.copystat(source, beside)
    beside.replace(target)


def say(text: str) -> None:
    print(f"resolver: {text}", flush=True)  # noqa: T201  # its purpose


def main(arguments: Sequence[str] | None = None, switch: Switch | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="switch", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("verb", choices=("keep", "take", "back", "clock", "leave"))
    parser.add_argument("--no-restart", action="store_true", help="leave a service that runs alone")
    options = parser.parse_args(arguments)
    switch = switch or Switch()
    try:
        with (switch.top / "switch").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if options.verb == "keep":
                switch.keep()
            elif options.verb == "take":
                switch.take(restarts=not options.no_restart)
            elif options.verb == "back":
                switch.back()
            elif options.verb == "clock":
                switch.fit_clock()
            else:
                switch.leave()
    except (SwitchError, OSError) as error:
        print(f"resolver: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
