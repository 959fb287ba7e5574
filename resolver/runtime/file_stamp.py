"""Which file one is: the same stamp, the same contents, as far as its owner goes by the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import os


class FileStamp(NamedTuple):
    """Of a regular file, at one time."""

    inode: int
    octets: int
    changed_ns: int


def stamp_of(found: os.stat_result) -> FileStamp:
    """Of the file that *found* is from."""
    return FileStamp(found.st_ino, found.st_size, found.st_mtime_ns)
