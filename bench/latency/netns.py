"""Network namespaces and processes of one run; whatever happens, none of them outlives it.

Names carry our process id, so that what a killed run left behind is found and removed by the
next one.
"""

import contextlib
import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import IO, Self

CLONE_NEWNET = 0x40000000
RUN_NETNS = pathlib.Path("/run/netns")
THREAD_NETNS = pathlib.Path("/proc/thread-self/ns/net")
PREFIX = "lat"
GRACE_S = 4.0
READY_S = 20.0
SO_TIMESTAMPNS = 35


class LabError(Exception):
    """The lab could not be built; the message says why."""


def ip(*words: str) -> None:
    """Run `ip` with these words."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def remove_stale() -> None:
    """Delete namespaces of runs whose process is gone."""
    for path in RUN_NETNS.glob(f"{PREFIX}[0-9]*-*"):
        owner = path.name[len(PREFIX) :].partition("-")[0]
        if not pathlib.Path("/proc", owner).exists():
            with contextlib.suppress(LabError):
                ip("netns", "del", path.name)


@contextlib.contextmanager
def inside(namespace: str) -> Iterator[None]:
    """This thread's new sockets belong to *namespace* meanwhile."""
    libc = ctypes.CDLL(None, use_errno=True)
    with THREAD_NETNS.open("rb") as home, (RUN_NETNS / namespace).open("rb") as there:
        if libc.setns(there.fileno(), CLONE_NEWNET):
            raise LabError(f"setns {namespace}: {os.strerror(ctypes.get_errno())}")
        try:
            yield
        finally:
            libc.setns(home.fileno(), CLONE_NEWNET)


class Lab:
    """Owns namespaces and processes; `close` removes them all, the last started first."""

    def __init__(self) -> None:
        self._namespaces: list[str] = []
        self._processes: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._files: list[IO[bytes]] = []

    def add_namespace(self, label: str) -> str:
        """A new namespace with its loopback up; its full name."""
        name = f"{PREFIX}{os.getpid()}-{label}"
        ip("netns", "add", name)
        self._namespaces.append(name)
        ip("-n", name, "link", "set", "lo", "up")
        return name

    def start(
        self, label: str, argv: list[str], log: pathlib.Path, *, namespace: str | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a process, in *namespace* if given; it dies with us even if we are killed."""
        words = ["setpriv", "--pdeathsig", "KILL", "--"]
        if namespace:
            words += ["nsenter", f"--net={RUN_NETNS / namespace}", "--"]
        output = log.open("wb")
        self._files.append(output)
        process = subprocess.Popen(
            words + argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            start_new_session=True,  # a Ctrl-C is ours to handle
        )
        self._processes.append((label, process))
        return process

    def check_alive(self) -> None:
        """Raise if anything we started has ended."""
        for label, process in self._processes:
            if process.poll() is not None:
                raise LabError(f"{label} ended with status {process.returncode}; see its log")

    def close(self) -> None:
        """End every process by its id, then delete the namespaces."""
        for _, process in reversed(self._processes):
            if process.poll() is None:
                process.terminate()
        until = time.monotonic() + GRACE_S
        for _, process in reversed(self._processes):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until - time.monotonic()))
            with contextlib.suppress(ProcessLookupError):  # workers it may have left in its session
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for output in self._files:
            output.close()
        for name in self._namespaces:
            with contextlib.suppress(LabError):
                ip("netns", "del", name)

    def __enter__(self) -> Self:
        remove_stale()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def wait_for_line(log: pathlib.Path, line: bytes, what: str) -> None:
    """Until *line* stands in *log*."""
    until = time.monotonic() + READY_S
    while line not in log.read_bytes():
        if time.monotonic() > until:
            raise LabError(f"{what} is not ready: {log.read_text(errors='replace')[-500:]}")
        time.sleep(0.02)


def wait_for_port(namespace: str, log: pathlib.Path, what: str) -> None:
    """Until something accepts TCP connections on port 53 of the namespace's loopback."""
    until = time.monotonic() + READY_S
    while True:
        with inside(namespace), socket.socket() as probe:
            probe.settimeout(1.0)
            if probe.connect_ex(("127.0.0.1", 53)) == 0:
                return
        if time.monotonic() > until:
            raise LabError(f"{what} is not ready: {log.read_text(errors='replace')[-800:]}")
        time.sleep(0.1)


def join(resolver: str, servers: str, link: int) -> None:
    """Addresses and routes of link number *link*, after wanem made its devices."""
    device = f"w{link}"
    ip("-n", resolver, "addr", "add", f"10.77.{link}.2/32", "dev", "wan")
    ip("-n", resolver, "-6", "addr", "add", f"fd77:{link:x}::2/128", "dev", "wan", "nodad")
    ip("-n", resolver, "link", "set", "wan", "up")
    ip("-n", servers, "link", "set", device, "up")
    ip("-n", resolver, "route", "add", "default", "dev", "wan")
    ip("-n", resolver, "-6", "route", "add", "default", "dev", "wan")
    ip("-n", servers, "route", "add", f"10.77.{link}.0/24", "dev", device)
    ip("-n", servers, "-6", "route", "add", f"fd77:{link:x}::/64", "dev", device)
