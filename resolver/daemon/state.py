"""`working_directory` and its one owner: where relative paths begin, and where state is kept.

It is opened at the start, before privileges go: later its path may lead through directories that
nobody may enter any more. What is written is written beside and then renamed, so that a crash or a
power failure leaves the old or the new. That nothing can be kept (the directory is missing, not
ours, full) is no reason not to serve: it is told when it begins, and when it is over.

Several processes may write the same name, each beside under a name of its own: the last one wins.
Who must not, such as RFC 5011's followers, sees to that itself.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.config import hints
from resolver.config.files import working_path
from resolver.dnssec.algorithms import Sha1Policy
from resolver.dnssec.anchor_check import unusable
from resolver.dnssec.anchors import Anchors, builtin_root, parse_text
from resolver.errors import ConfigError, unusable_file
from resolver.limits import STATE_OCTETS
from resolver.protocol import names
from resolver.runtime.private_files import own_account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.config.schema import Config, Stub
    from resolver.dnssec.anchors import AnchorRecord
    from resolver.model import Name

_log = logging.getLogger(__name__)
ROOT_ZONE: Final = "root-zone"
CERTIFICATE_FILE: Final = "tls-certificate.pem"
KEY_FILE: Final = "tls-key.pem"
OVERRIDES: Final = "operator.json"
WEB_TOKEN: Final = "web-token"  # noqa: S105  # where it is
WEB_HISTORY: Final = "web-history"
_DAMAGED: Final = ".damaged"
_READABLE: Final = 0o644
# All that goes to disk from here: when the clock was last confirmed, trust anchors that are
# followed, a copy of the root zone, a certificate of our own with its key, and what operators have
# decided while it ran; the page's token and timeline; response policy zones, in a directory of
# their own.
# `persistence` keeps the cache, in a directory beside them.
KEPT: Final = (
    "last-run", "anchor-*.json", ROOT_ZONE, ROOT_ZONE + _DAMAGED,
    CERTIFICATE_FILE, KEY_FILE, KEY_FILE + _DAMAGED, OVERRIDES, OVERRIDES + _DAMAGED,
    "rpz/*", WEB_TOKEN, WEB_HISTORY, WEB_HISTORY + _DAMAGED,
)  # fmt: skip


class Stamp(NamedTuple):
    """Which file it is (*inode*), its *size* in octets, and the Unix time that it is of."""

    inode: int
    size: int
    wall: float


class StateDirectory:
    """The directory *text* of the configuration; "" keeps nothing."""

    def __init__(self, text: str = "") -> None:
        self._text = text
        self._descriptor = -1
        self._trouble = ""  # what was told last

    def __repr__(self) -> str:
        return f"<StateDirectory {self._text or 'none'}>"

    @classmethod
    def at(cls, descriptor: int) -> StateDirectory:
        """The directory that another process has opened for us."""
        made = cls(f"/proc/self/fd/{descriptor}")
        made._descriptor = descriptor
        return made

    @property
    def descriptor(self) -> int:
        """What to hand to a process of ours; -1 if there is none."""
        return self._descriptor

    @property
    def keeps(self) -> bool:
        """True if there is one at all."""
        return bool(self._text)

    def open(self) -> None:
        """Hold on to it, whoever we become. Raises ConfigError where there is no such directory."""
        if not self._text or self._descriptor >= 0:
            return
        try:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
            self._descriptor = os.open(self._text, flags)
        except OSError as error:
            wanted = "a directory that exists"
            raise unusable_file("working_directory", self._text, wanted, error) from None

    def close(self) -> None:
        """Let go of it. Idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def complain(self) -> None:
        """One line if nothing can be kept by who we are now."""
        if self._descriptor >= 0 and not self._is_writable():
            _log.warning(
                "working_directory %s cannot be written by %s: no state is kept over a restart",
                Path(self._text).absolute(), own_account(),
            )  # fmt: skip
            self._trouble = os.strerror(13)

    def _is_writable(self) -> bool:
        effective = os.access in os.supports_effective_ids
        return os.access(".", os.W_OK | os.X_OK, dir_fd=self._descriptor, effective_ids=effective)

    # --- state -------------------------------------------------------------------------------

    def read(self, name: str, most_octets: int = STATE_OCTETS) -> bytes | None:
        """What is kept as *name*, or its first *most_octets*; None if nothing is. Raises OSError.

        Nothing is mapped: whoever cuts a mapped file short kills the process with SIGBUS.
        """
        if self._descriptor < 0:
            return None
        try:
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe in its place holds nobody
            found = os.open(name, flags, dir_fd=self._descriptor)
        except FileNotFoundError:
            return None
        try:
            return os.read(found, most_octets)
        finally:
            os.close(found)

    def look(self, name: str) -> Stamp | None:
        """Which file is kept as *name*, and from when; None if none is."""
        if self._descriptor < 0:
            return None
        try:
            return _stamp(os.stat(name, dir_fd=self._descriptor))
        except OSError:
            return None

    def date(self, name: str, wall: float) -> None:
        """Have what is kept as *name* be of Unix time *wall*: it was looked at, and holds."""
        with suppress(OSError):
            os.utime(name, (wall, wall), dir_fd=self._descriptor)

    def set_aside(self, name: str) -> str:
        """Have what is kept as *name* out of the way; the name that it has now."""
        aside = name + _DAMAGED
        with suppress(OSError):
            os.rename(name, aside, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
        return aside

    def write(
        self,
        name: str,
        octets: bytes | memoryview,
        *,
        mode: int = _READABLE,
        owner: tuple[int, int] | None = None,
    ) -> bool:
        """Keep *octets* as *name*, whole or not at all. False, and told, if that cannot be.

        *owner*: the account and group whose file it will be. Raises ValueError for a name that is
        not in KEPT.
        """
        if not any(fnmatch(name, kept) for kept in KEPT):
            raise ValueError(f"{name} is nothing that is kept")
        if self._descriptor < 0:
            return False
        beside = f"{name}.{os.getpid()}.new"
        try:
            self._write(beside, octets, mode, owner)
            os.rename(beside, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
        except OSError as error:
            with suppress(OSError):
                os.unlink(beside, dir_fd=self._descriptor)
            self._tell(error.strerror or str(error), name)
            return False
        if self._trouble:
            self._trouble = ""
            _log.warning("working_directory %s: %s is kept again", self._text, name)
        return True

    def _write(
        self, name: str, octets: bytes | memoryview, mode: int, owner: tuple[int, int] | None
    ) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        fresh = os.open(name, flags, mode, dir_fd=self._descriptor)
        try:
            if mode != _READABLE:
                os.fchmod(fresh, mode)  # also if one of that name was left here
            if owner is not None:
                os.fchown(fresh, *owner)
            while octets:
                octets = octets[os.write(fresh, octets) :]
            os.fsync(fresh)
        finally:
            os.close(fresh)

    def _tell(self, trouble: str, name: str) -> None:
        """One line for each trouble, however often it is met."""
        if trouble != self._trouble:
            self._trouble = trouble
            _log.warning("working_directory %s: %s is not kept: %s", self._text, name, trouble)


def _stamp(found: os.stat_result) -> Stamp:
    return Stamp(found.st_ino, found.st_size, found.st_mtime)


# --- what the configuration names ------------------------------------------------------------


def read_hints(config: Config) -> list[tuple[Name, str]]:
    """The root servers of the hints file. Raises ConfigError."""
    path = config.root.hints_file
    return hints.load(working_path(config, path) if path else None)


def read_anchors(config: Config) -> Anchors:
    """Built-in, file and negative anchors. Raises ConfigError."""
    found = builtin_root() if config.dnssec.builtin_root_anchor else Anchors()
    path = config.dnssec.trust_anchors_file
    if path:
        try:
            found.add(parse_text(working_path(config, path).read_text("utf-8-sig")))
        except OSError as error:
            key, wanted = "dnssec.trust_anchors_file", "a file of DS or DNSKEY records"
            raise unusable_file(key, path, wanted, error) from error
        except ValueError as error:
            expected = f"a file of DS or DNSKEY records ({error})"
            raise ConfigError("dnssec.trust_anchors_file", path, expected) from error
    _add_of_zones(config, found)
    for useless in unusable(found, Sha1Policy.of(validates=config.dnssec.sha1)):
        if useless.is_broken and config.dnssec.validate:
            expected = f"a file of DS or DNSKEY records ({useless.sentence})"
            raise ConfigError("dnssec.trust_anchors_file", path, expected)
    for negative in config.dnssec.negative_trust_anchors:
        if isinstance(negative, str):
            found.add_negative(names.from_text(negative), float("inf"))
        else:
            until = negative.until.timestamp() if negative.until else float("inf")
            found.add_negative(names.from_text(negative.name), until)
    return found


def _add_of_zones(config: Config, found: Anchors) -> None:
    """What zones of the configuration say of themselves. Raises ConfigError."""
    for entry in config.stub:
        if entry.trust_anchor:
            found.add(_own_anchors(entry))
    for zone in (*config.forward, *config.stub):
        if not zone.validate:
            found.add_negative(names.from_text(zone.zone), float("inf"))


def _own_anchors(entry: Stub) -> list[AnchorRecord]:
    """The keys that an operator vouches for in one zone. Raises ConfigError.

    Each line is a record, with the zone's name before it or without.
    """
    zone, text = names.to_text(names.from_text(entry.zone)), entry.trust_anchor
    lines = [line.split() for line in text.splitlines() if line.strip()]
    try:
        records = parse_text(
            "\n".join(
                " ".join(line if line[0].upper() not in _ANCHORS else [zone, *line])
                for line in lines
            )
        )
        if not records or any(record.name != names.from_text(zone) for record in records):
            raise ValueError(f"records of {zone}")  # noqa: TRY301
    except ValueError as error:
        expected = f'DS or DNSKEY records such as "DS 12345 13 2 ABCDEF..." ({error})'
        raise ConfigError("stub.trust_anchor", text, expected) from None
    return records


_ANCHORS = ("DS", "DNSKEY", "IN")


def useless_anchors(config: Config, anchors: Anchors) -> Iterator[str]:
    """What of *anchors* validates nothing, though it was configured; a sentence each.

    No reason not to start: zones may go on to algorithms that this version does not know, and
    their names must resolve. But nobody should take them for validated.
    """
    if not config.dnssec.validate:
        return
    if not anchors.by_name:
        path = config.dnssec.trust_anchors_file
        where = f"dnssec.trust_anchors_file {path} has" if path else "dnssec has"
        yield f"{where} no trust anchor: nothing will be validated"
    for found in unusable(anchors, Sha1Policy.of(validates=config.dnssec.sha1)):
        yield f"{found.sentence}: nothing below will be validated"


def validates(config: Config, anchors: Anchors) -> bool:
    """True if some anchor can be used."""
    useless = sum(1 for _ in useless_anchors(config, anchors)) if anchors.by_name else 0
    return config.dnssec.validate and len(anchors.by_name) > useless
