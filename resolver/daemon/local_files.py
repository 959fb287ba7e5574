"""Hosts files and lease files: read at the start, and again when they change.

They outlive a configuration. What is read again is read beside what is in use, a slice of lines
between two turns of the loop, and takes its place as a whole: then packets are forgotten. A file
that cannot be read any more, or has vanished, counts on as it was; that is told once, and when it
is over. So are lines that do not parse, once for each version of a file.
"""

from __future__ import annotations

import logging
import os
import stat
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import trio

from resolver.config.files import working_path
from resolver.config.local_text import local_records
from resolver.daemon.troubles import Trouble
from resolver.limits import LOCAL_FILE_OCTETS
from resolver.policy.hosts import BadLines, name_of, read_hosts_untrusted
from resolver.policy.local import SPECIAL
from resolver.policy.local_records import LocalData, Zone
from resolver.policy.local_table import Table
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.runtime.clock import stamps
from resolver.runtime.file_stamp import FileStamp, stamp_of
from resolver.runtime.rests import Rests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from resolver.config.schema import Config
    from resolver.protocol.names import Name
    from resolver.runtime.clock import Clock

_log = logging.getLogger(__name__)
_NS = 1_000_000_000
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe would be waited for
_FOREVER = float("inf")
# What a client may call itself, and others would believe to be something else (VU#598349).
_NOT_A_HOST = frozenset({b"localhost", b"wpad", b"isatap", b"*"})


class _Source(NamedTuple):
    """A file, and how it is read: leases have a *domain*, hosts files none."""

    path: Path
    domain: Name | None
    roots: tuple[Name, ...]


class _Read(NamedTuple):
    """A table, the file that it was made of, and until when it is right (Unix seconds).
    *is_shut*: that file could not be read, the table is of one before."""

    table: Table
    stamp: FileStamp | None
    until: float = _FOREVER
    is_shut: bool = False


class LocalFiles:
    """What was read of each file. *wall*: Unix seconds.

    *tells*: what stands in the way is logged; what does not parse is for others to tell (`said`).
    """

    COUNTS: ClassVar = {
        "reads": "Times that a hosts or lease file was read.",
        "bad_lines": "Lines of them that do not parse.",
    }

    def __init__(self, wall: Callable[[], float] = lambda: 0.0, *, tells: bool = False) -> None:
        self.wall = wall
        self.tells = tells
        self.reads = 0
        self.bad_lines = 0
        self.said: list[str] = []
        """What does not parse, a sentence for each version of a file, for whoever tells it."""
        self._kept: dict[_Source, _Read] = {}
        self._troubles: dict[Path, Trouble] = {}

    def __repr__(self) -> str:
        return f"<LocalFiles {[source.path.name for source in self._kept]}>"

    def tables(self, config: Config) -> list[Table]:
        """Of all files of *config*; what nobody has read yet is read now, at one go."""
        found: list[Table] = []
        for source in _sources(config):
            if source not in self._kept:
                for _ in self._fill(source, *self._octets(source)):
                    pass
            found.append(self._kept[source].table)
        return found

    async def refresh(self, config: Config, *, in_thread: bool) -> list[Table]:
        """Read what has changed. The tables that are used no longer."""
        gone, rests = list[Table](), Rests()
        for source in _sources(config):
            known = self._kept.get(source)
            if in_thread:
                stamp = await trio.to_thread.run_sync(_stamp, source.path)
            else:
                stamp = _stamp(source.path)
            if known is not None and not self._is_over(known, stamp, source):
                continue
            if in_thread:
                octets, stamp = await trio.to_thread.run_sync(self._octets, source)
            else:
                octets, stamp = self._octets(source)
            for _ in self._fill(source, octets, stamp):
                await rests.turn()
            if known is not None and self._kept[source].table is not known.table:
                gone.append(known.table)
        return gone

    def _is_over(self, known: _Read, stamp: FileStamp | None, source: _Source) -> bool:
        if stamp is None:
            if known.stamp is not None:
                self._tell(source, "it is not there")
            return self.wall() >= known.until
        if stamp == known.stamp and not known.is_shut:
            self._tell(source, "")
        return stamp != known.stamp or self.wall() >= known.until

    def _octets(self, source: _Source) -> tuple[bytes | None, FileStamp | None]:
        """What stands in it; None: it cannot be read."""
        try:
            with open(os.open(source.path, _FLAGS), "rb") as file:  # noqa: PTH123  # flags of its own
                found = os.fstat(file.fileno())
                stamp = stamp_of(found)
                if stat.S_ISFIFO(found.st_mode):
                    self._tell(source, "it is a pipe")
                    return (None, stamp)
                octets = file.read(LOCAL_FILE_OCTETS + 1)
        except FileNotFoundError:
            return (None, None)
        except OSError as error:
            self._tell(source, error.strerror or str(error))
            return (None, _stamp(source.path))
        if len(octets) > LOCAL_FILE_OCTETS:
            self._tell(source, f"it has more than {LOCAL_FILE_OCTETS} octets")
            return (None, stamp)
        self._tell(source, "")
        return octets, stamp

    def _fill(
        self, source: _Source, octets: bytes | None, stamp: FileStamp | None
    ) -> Iterator[None]:
        """Make a table of *octets*, a slice a step, and keep it."""
        known = self._kept.get(source)
        if octets is None:
            table = known.table if known is not None else Table()
            self._kept[source] = _Read(table, stamp, is_shut=True)
            return
        table, bad, until = Table(source.roots), BadLines(), _FOREVER
        if source.domain is not None:
            until = self._lease(source.domain, octets, table, bad)
        else:
            yield from read_hosts_untrusted(octets, table, bad)
        self._kept[source] = _Read(table.whole(), stamp, until)
        self.reads += 1
        self.bad_lines += bad.count
        if bad:
            self.said.append(told_of(source.path, bad))

    def _lease(self, domain: Name, octets: bytes, table: Table, bad: BadLines) -> float:
        """Names of who has a lease now; until when that is right.

        A client says what it is called: of that its first label counts, in our own domain, or one
        could take the place of `www.example.com`.
        """
        from resolver.policy.leases import read_leases_untrusted  # noqa: PLC0415 - few have leases

        now, until = self.wall(), _FOREVER
        for lease in read_leases_untrusted(octets, bad):
            if lease.until <= now:
                continue
            until = min(until, lease.until)
            try:
                label = names.labels(name_of(lease.host.encode()))[0]
                full = names.prepend(label, domain)
            except (ValueError, IndexError):
                bad.note(0, lease.host.encode(), "a host's name")
                continue
            if label in _NOT_A_HOST:
                continue
            rtype = RRType.A if len(lease.address) == 4 else RRType.AAAA  # noqa: PLR2004
            for owner in (full, names.prepend(label, names.ROOT)):
                table.add(owner, rtype, lease.address)
            table.add_pointer(lease.address, full)
        return until

    def _tell(self, source: _Source, why: str) -> None:
        if not self.tells:
            return
        trouble = self._troubles.setdefault(source.path, Trouble(_log, tells=True))
        fails = f"{source.path} cannot be read, and counts as it was"
        trouble.note(why, fails, f"{source.path} is read again")


def told_of(path: Path, bad: BadLines) -> str:
    """In one sentence, which lines of a file do not parse."""
    shown = "; ".join(
        f"line {number}: {text!r}, expected {expected}" for number, text, expected in bad.first
    )
    count = "1 line does" if bad.count == 1 else f"{bad.count} lines do"
    return f"{path}: {count} not count: {shown}"


def _sources(config: Config) -> list[_Source]:
    local = config.local
    domain, roots = names.from_text(local.domain), roots_of(config)
    found = [_Source(working_path(config, one), None, roots) for one in local.hosts_files]
    if local.leases_file:
        found.append(_Source(working_path(config, local.leases_file), domain, roots))
    return found


def roots_of(config: Config) -> tuple[Name, ...]:
    """Where it matters that a name has others below it."""
    return (*SPECIAL, *(names.from_text(zone.zone) for zone in config.local.zone))


def local_data(config: Config, files: LocalFiles) -> LocalData | None:
    """What names *config* has answered from here; None: none."""
    local = config.local
    if not (local.records or local.hosts_files or local.leases_file or local.zone):
        return None
    zones = [
        Zone(
            names.from_text(zone.zone),
            zone.mode,
            _table(zone.records, config),
            frozenset(zone.tags),
        )
        for zone in local.zone
    ]
    own = [_table(local.records, config)] if local.records else []
    return LocalData(zones, own, files.tables(config), mode=local.mode, tags=local.tags)


def _table(text: str, config: Config) -> Table:
    """The records of a *text* that is free of faults, and names for their addresses."""
    table, found = Table(roots_of(config)), local_records(text)
    for owner, rtype, ttl, rdata in found:
        table.add(owner, rtype, rdata, ttl)
    for owner, rtype, ttl, rdata in found:
        if rtype in (RRType.A, RRType.AAAA) and not names.is_wildcard(owner):
            table.add_pointer(rdata, owner, ttl)
    return table.whole()


def _stamp(path: Path) -> FileStamp | None:
    try:
        return stamp_of(path.stat())
    except OSError:
        return None


def wall_of(clock: Clock) -> Callable[[], float]:
    """Unix seconds by the machine's own clock, as DHCP servers have them."""
    ns = stamps(clock)
    return lambda: ns() / _NS
