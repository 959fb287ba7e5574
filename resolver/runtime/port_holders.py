"""Which program has a port, where the system tells (Linux): by /proc/self/net, and /proc for whose.

Anybody may read which ports are taken, and by which account. Which process it is, is told to root
and to that account. Nothing here needs a socket, and nothing raises: what is not told is not known.
"""

from __future__ import annotations

import itertools
import os
import pwd
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.limits import HOLDER_DESCRIPTORS

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROC: Final = Path("/proc")
_TABLES: Final = {True: ("udp", "udp6"), False: ("tcp", "tcp6")}  # keys: is it UDP?
_LISTENS: Final = "0A"
_UNCONNECTED: Final = "07"
_FIELDS: Final = 10  # up to the inode
_WORD: Final = 8  # hexadecimal digits of 32 bits, in the byte order of the machine
_UNIT: Final = re.compile(r"/([^/]+\.service)(?=/|$)")
_EVERY: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104  # to recognise them


class Holder(NamedTuple):
    """Who has a socket on *host*: *pid* and *name* are 0 and "" where they are not told."""

    host: str
    is_udp: bool
    account: str
    pid: int = 0
    name: str = ""
    unit: str = ""

    def __str__(self) -> str:
        if not self.pid:
            return f"one that runs as {self.account}; ss -lntup shows which"
        by = f", {self.unit}" if self.unit else ""
        return f"{self.name}, process {self.pid}{by}"


class _Entry(NamedTuple):
    host: str
    account: str
    inode: str
    is_udp: bool


def holders(port: int) -> list[Holder]:
    """Everybody who takes datagrams or connections at *port*, at any address of this machine."""
    entries = [entry for is_udp in (True, False) for entry in _entries(port, is_udp=is_udp)]
    owners = _owners({entry.inode for entry in entries}) if entries else {}
    found = [
        Holder(entry.host, entry.is_udp, entry.account, *_told(owners.get(entry.inode, 0)))
        for entry in entries
    ]
    return list(dict.fromkeys(found))


def holder(host: str, port: int, *, is_udp: bool) -> Holder | None:
    """Who stands in the way of a socket there, if anybody does."""
    host = host.partition("%")[0]
    for found in holders(port):
        is_same_family = (":" in found.host) == (":" in host)
        overlaps = found.host == host or not {found.host, host}.isdisjoint(_EVERY)
        if found.is_udp == is_udp and overlaps and (is_same_family or found.host == "::"):
            return found
    return None


def read_table_untrusted(text: str, port: int, *, is_udp: bool) -> Iterator[_Entry]:
    """The sockets on *port* in a table of the kernel's (proc(5)); lines of another form are left
    out."""
    wanted = _UNCONNECTED if is_udp else _LISTENS
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < _FIELDS or fields[3] != wanted:
            continue
        digits, _, number = fields[1].partition(":")
        try:
            if int(number, 16) == port:
                yield _Entry(_host(digits), _account(int(fields[7])), fields[9], is_udp)
        except ValueError:
            continue


def _entries(port: int, *, is_udp: bool) -> Iterator[_Entry]:
    for name in _TABLES[is_udp]:
        try:
            text = (_PROC / "self/net" / name).read_text("ascii", "replace")
        except OSError:
            continue
        yield from read_table_untrusted(text, port, is_udp=is_udp)


def _host(digits: str) -> str:
    """An address as the kernel writes it: words of the machine's own byte order. Raises
    ValueError."""
    words = [digits[at : at + _WORD] for at in range(0, len(digits), _WORD)]
    octets = b"".join(int(word, 16).to_bytes(4, "little") for word in words)
    return socket.inet_ntop(socket.AF_INET6 if len(words) > 1 else socket.AF_INET, octets)


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return f"user {uid}"


def _owners(inodes: set[str]) -> dict[str, int]:
    """The process of each socket, as far as we may look; HOLDER_DESCRIPTORS are looked at."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[str, int] = {}
    for path in itertools.islice(_descriptors(), HOLDER_DESCRIPTORS):
        try:
            inode = wanted.get(os.readlink(path))  # noqa: PTH115  # pathlib is ten times slower
        except OSError:
            continue
        if inode is not None:
            found.setdefault(inode, int(path.split("/")[2]))
            if len(found) == len(wanted):
                break
    return found


def _descriptors() -> Iterator[str]:
    """Paths of the open files of all processes that let us look, the oldest process first."""
    try:
        with os.scandir(_PROC) as found:
            pids = sorted(int(entry.name) for entry in found if entry.name.isdigit())
    except OSError:
        return
    for pid in pids:
        try:
            with os.scandir(f"{_PROC}/{pid}/fd") as found:
                paths = [entry.path for entry in found]
        except OSError:
            continue
        yield from paths


def _told(pid: int) -> tuple[int, str, str]:
    if not pid:
        return 0, "", ""
    try:
        name = (_PROC / str(pid) / "comm").read_text("utf-8", "replace").strip()
        cgroup = (_PROC / str(pid) / "cgroup").read_text("utf-8", "replace")
    except OSError:
        return 0, "", ""
    return pid, name, unit_of(cgroup)


def unit_of(cgroup: str) -> str:
    """The service in /proc/PID/cgroup, or ""."""
    found = _UNIT.findall(cgroup)
    return found[-1] if found else ""
