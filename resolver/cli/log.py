"""resolver log: reads the query log that a daemon of this machine keeps; no daemon is asked.

The files are the daemon's account's and nobody else may read them: as that account, or as root.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final

from resolver.cli.control_parts import json_line
from resolver.cli.log_lines import in_words
from resolver.cli.servers import DEFAULT_CONFIG
from resolver.config import load
from resolver.errors import ConfigError, WireError
from resolver.limits import LOG_CHUNK_OCTETS, LOG_FOLLOW_LINES, LOG_FOLLOW_SECONDS
from resolver.protocol import names
from resolver.telemetry.query_lines import Line, Mark, line_untrusted, octets_of
from resolver.telemetry.query_log_files import DIRECTORY, log_files

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    Wanted = Callable[[Line | Mark], bool]

FAILED: Final = 1


def run(options: argparse.Namespace) -> int:
    """0, or 1 where there is no log that we may read."""
    directory = _directory(options.config or DEFAULT_CONFIG)
    wanted = _filter(options)
    shown = _json if options.json else in_words
    try:
        os.scandir(directory).close()
        reader = Reader(directory)
        found: Iterator[Line | Mark] = filter(wanted, reader.new())
        if options.follow:
            found = iter(deque(found, maxlen=LOG_FOLLOW_LINES))
        for line in found:
            print(shown(line))
        while options.follow:
            sys.stdout.flush()
            time.sleep(LOG_FOLLOW_SECONDS)
            for line in filter(wanted, reader.new()):
                print(shown(line))
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        print(f"resolver: no query log in {directory}: {_why(error)}", file=sys.stderr)
        return FAILED
    return 0


def _why(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return 'there is none; log.queries = "all" or "failures" keeps one'
    if isinstance(error, PermissionError):
        return "you may not read it; the daemon's account may, and root"
    return error.strerror or str(error)


def _directory(path: str) -> Path:
    """Where the daemon that is configured in *path* keeps its log. Raises ConfigError."""
    config = load.load(path)
    if not config.working_directory:
        raise ConfigError(f"{path}: working_directory", "", "a directory: the query log is in it")
    return Path(config.working_directory) / DIRECTORY


def _filter(options: argparse.Namespace) -> Wanted:
    below = _name(options.name) if options.name else None

    def is_wanted(line: Line | Mark) -> bool:
        if isinstance(line, Mark):
            return below is None and not options.failures
        if options.failures and not line.is_failure:
            return False
        return below is None or _is_below(line.name, below)

    return is_wanted


def _name(text: str) -> bytes:
    try:
        return names.from_text(text.lower())
    except ValueError as error:
        raise ConfigError("--name", text, f"a domain name ({error})") from None


def _is_below(text: str, ancestor: bytes) -> bool:
    try:
        return names.is_subdomain(names.from_text(text), ancestor)
    except ValueError:
        return False  # a query without a name, or no name at all


class Reader:
    """What stands in the files of *directory*, each time what has come since."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read: dict[Path, int] = {}  # octets of each

    def new(self) -> Iterator[Line | Mark]:
        """The lines that were written since the last call; what is no line is left out."""
        paths = log_files(self._directory)
        self._read = {path: self._read.get(path, 0) for path in paths}
        for path in paths:
            try:
                with path.open("rb") as file:
                    yield from self._lines(path, file.fileno())
            except FileNotFoundError:
                continue  # it has just become too old

    def _lines(self, path: Path, descriptor: int) -> Iterator[Line | Mark]:
        left = b""
        while chunk := os.pread(descriptor, LOG_CHUNK_OCTETS, self._read[path] + len(left)):
            *whole, rest = (left + chunk).split(b"\n")
            self._read[path] += len(left) + len(chunk) - len(rest)
            left = rest if len(rest) < LOG_CHUNK_OCTETS else b""
            self._read[path] += len(rest) - len(left)
            for octets in whole:
                try:
                    yield line_untrusted(octets)
                except WireError:
                    continue


def _json(line: Line | Mark) -> str:
    return json_line(octets_of(line).rstrip())
