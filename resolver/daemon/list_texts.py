"""The texts of lists: is a source's another than the one that was compiled, and may it be had?

All of it blocks, so it runs in threads. What is known of a source goes to disk beside its text.
"""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING, Final

import msgspec

from resolver.daemon.list_shelf import KNOWN, Draft, text_name
from resolver.errors import WireError
from resolver.limits import LIST_OCTETS, STATE_OCTETS
from resolver.runtime.file_stamp import stamp_of

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.daemon.list_shelf import Shelf

_AT_ONCE: Final = 1 << 20
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
Stamp = tuple[int, int, int]  # inode, octets, nanoseconds of its time
NO_STAMP: Final[Stamp] = (0, 0, 0)


class Known(msgspec.Struct):
    """What is known of one source. *digest* of its text that was last good, *good_at* from when;
    *looked_at*: when it was last asked for, in Unix seconds, *refused*: the digest of a text that
    is none. *etag*, *modified*: what its server wants to be asked with."""

    stamp: Stamp = NO_STAMP
    digest: str = ""
    good_at: float = 0.0
    looked_at: float = 0.0
    refused: str = ""
    etag: str = ""
    modified: str = ""
    failures: int = 0


class Fresh(msgspec.Struct, kw_only=True):
    """A text that is not compiled yet."""

    draft: Draft
    digest: str
    stamp: Stamp = NO_STAMP
    etag: str = ""
    modified: str = ""


def read_known(shelf: Shelf) -> dict[str, Known]:
    """What an earlier process knew, by source. Never raises."""
    descriptor = shelf.find(KNOWN)
    if descriptor < 0:
        return {}
    try:
        return known_untrusted(os.read(descriptor, STATE_OCTETS))
    except (OSError, WireError):
        return {}
    finally:
        os.close(descriptor)


def known_untrusted(octets: bytes) -> dict[str, Known]:
    """Raises WireError for what nobody here wrote."""
    try:
        return msgspec.json.decode(octets, type=dict[str, Known])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise WireError(str(error)) from None


def write_known(shelf: Shelf, known: dict[str, Known]) -> None:
    """Raises OSError."""
    draft = shelf.draft()
    os.write(draft.descriptor, msgspec.json.encode(known))
    shelf.keep(draft, KNOWN)


def fresh_text(path: Path, known: Known, shelf: Shelf) -> Fresh | None:
    """The text at *path*, if it is another than before; None if it is the same, or somebody is
    still writing it in the place of one that is known.

    Raises OSError where it cannot be read, WireError where it cannot be a list.
    """
    descriptor = os.open(path, _READ)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise WireError("it is no file")
        stamp = stamp_of(found)
        if stamp == known.stamp:
            return None
        if found.st_size > LIST_OCTETS:
            raise WireError(f"it has more than {LIST_OCTETS} octets")
        draft = shelf.draft()
        try:
            digest = _copy(descriptor, draft.descriptor)
        except BaseException:
            shelf.drop(draft)
            raise
        is_growing = bool(known.digest) and stamp_of(os.fstat(descriptor)) != stamp
    finally:
        os.close(descriptor)
    if is_growing:
        shelf.drop(draft)
        return None
    if not found.st_size and known.digest not in ("", digest):
        shelf.drop(draft)
        raise WireError("it is empty (to block nothing, leave a remark in it)")
    if digest in (known.digest, known.refused):
        shelf.drop(draft)
        known.stamp = stamp
        if digest == known.digest:
            known.refused = ""
        return None
    return Fresh(draft=draft, digest=digest, stamp=stamp)


def _copy(source: int, target: int) -> str:
    digest, left = hashlib.blake2b(digest_size=16), LIST_OCTETS
    while left > 0 and (octets := os.read(source, _AT_ONCE)):
        left -= len(octets)
        digest.update(octets)
        while octets:
            octets = octets[os.write(target, octets) :]
    return digest.hexdigest()


def has_text(shelf: Shelf, source: str) -> bool:
    """Is there a text of it that was good?"""
    return shelf.look(text_name(source)) != NO_STAMP
