"""What was there before: one file in a directory that root alone can enter.

It is written before the change that it is about, whole (beside, synced, renamed), so that whatever
ends a run leaves a journal that tells at least all that has changed. It holds keys of `places`, no
paths. What was ours already is never remembered as what was there.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from resolver.limits import SETUP_FILE_OCTETS
from resolver.setup.failures import SetupFailed
from resolver.setup.files import NOTHING, Content, Kind
from resolver.setup.places import JOURNAL_FOLDER, PLACES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resolver.setup.files import Files

    Edit: TypeAlias = Callable[[Content], Content]

_FILE: Final = f"{JOURNAL_FOLDER}/journal.json"
_PRIVATE: Final = 0o700
_MOST_OCTETS: Final = 4 * SETUP_FILE_OCTETS


class Entry(msgspec.Struct):
    """One place: what was there, digests of what was put there, how many folders were made."""

    kind: Kind
    data: bytes
    target: str
    mode: int
    uid: int
    gid: int
    wrote: list[str]
    made: int = 0

    @classmethod
    def of(cls, was: Content, wrote: list[str], made: int) -> Entry:
        return cls(was.kind, was.data, was.target, was.mode, was.uid, was.gid, wrote, made)

    @property
    def was(self) -> Content:
        return Content(self.kind, self.data, self.target, self.mode, self.uid, self.gid)


class UnitState(msgspec.Struct):
    """A unit before we came."""

    is_enabled: bool = False
    is_active: bool = False


class Book(msgspec.Struct):
    """The whole journal. *copied*: the program was copied to `places.HOME`."""

    version: int = 1
    places: dict[str, Entry] = msgspec.field(default_factory=dict)
    unit: UnitState | None = None
    copied: bool = False


class Journal:
    """That of one machine; `opened` has it for itself."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.book = Book()

    @contextmanager
    def opened(self) -> Iterator[None]:
        """One run at a time; an empty journal goes away in the end. Raises SetupFailed."""
        folder = self._files.open_folder(JOURNAL_FOLDER, makes=True)
        try:
            os.fchmod(folder, _PRIVATE)
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SetupFailed("another `resolver install` or `uninstall` is running") from None
            self.read()
            yield
        finally:
            os.close(folder)
        if self.is_empty:
            self._files.remove(_FILE)
            self._files.tidy(_FILE, 1)

    def read(self) -> None:
        """What the last run knew. Raises SetupFailed where it cannot be understood."""
        found = self._files.read(_FILE)
        if found.kind is Kind.NOTHING:
            self.book = Book()
            return
        try:
            self.book = msgspec.json.decode(found.data, type=Book)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SetupFailed(f"{_FILE} cannot be understood ({error}): move it away") from None
        if self.book.version != 1:
            raise SetupFailed(f"{_FILE} was written by a newer version of this program")
        for key in [key for key in self.book.places if key not in PLACES]:
            del self.book.places[key]

    @property
    def is_empty(self) -> bool:
        return not self.book.places and self.book.unit is None and not self.book.copied

    def write(self) -> None:
        data = msgspec.json.encode(self.book)
        if len(data) > _MOST_OCTETS:
            raise SetupFailed("what was there before is too much to keep")
        self._files.put(_FILE, Content(Kind.FILE, data, mode=0o600))

    # --- one place ---------------------------------------------------------------------------

    def remember(self, key: str, new: Content) -> bool:
        """Note what is at *key* now, for *new* is about to be put there; False: it is there."""
        place, known = PLACES[key], self.book.places.get(key)
        now = self._files.read(place.path)
        if _digest(now) == _digest(new):
            return False
        wrote = [_digest(new)]
        if known is not None and (_digest(now) in known.wrote or is_ours(key, now)):
            known.wrote = [_digest(now), *wrote]
        elif known is not None and (now == known.was or _is_not_cut_yet(now, known.was)):
            known.wrote = wrote
        else:
            is_old_one = key != "resolv.conf" and is_ours(key, now)
            was = NOTHING if is_old_one else now
            if key == "resolv.conf" and is_ours(key, now):
                return True  # nobody knows what was there: nothing good may be made of it
            made = self._files.missing_folders(place.path) if known is None else known.made
            self.book.places[key] = Entry.of(was, wrote, made)
        self.write()
        return True

    def put_back(self, key: str, edit: Edit | None = None) -> str:
        """Have at *key* what was there before; "", or why it was left as it is.

        *edit*: what we made of another's file. It is taken back out of one that was changed since.
        """
        place, entry = PLACES[key], self.book.places.get(key)
        if entry is None:
            return ""
        now, left = self._files.read(place.path), ""
        if _digest(now) in entry.wrote or is_ours(key, now) or _is_not_cut_yet(now, entry.was):
            if now != entry.was:
                self._files.put(place.path, entry.was)
        elif edit is not None and (undone := without(edit, entry.was, now)) is not None:
            self._files.put(place.path, undone)
        elif now != entry.was:
            left = f"{place.path} has been changed since: left as it is"
        self._files.tidy(place.path, entry.made)
        del self.book.places[key]
        self.write()
        return left

    def holds(self, key: str) -> bool:
        return key in self.book.places

    def is_in_place(self, key: str) -> bool:
        """True if what we put at *key* is there."""
        entry, now = self.book.places.get(key), self._files.read(PLACES[key].path)
        return is_ours(key, now) or (entry is not None and _digest(now) in entry.wrote)


def is_ours(key: str, content: Content) -> bool:
    """True if *content* says of itself that it is ours."""
    head = PLACES[key].head
    return bool(head) and content.kind is Kind.FILE and content.data.startswith(head.encode())


def without(edit: Edit, was: Content, now: Content) -> Content | None:
    """*now* less what *edit* made of *was*: lines that differ, where they still stand together."""
    before, after, lines = was.lines, edit(was).lines, now.lines
    head = _alike(before, after)
    tail = _alike(before[head:][::-1], after[head:][::-1])
    ours, theirs = after[head : len(after) - tail], before[head : len(before) - tail]
    starts = [at for at in range(len(lines)) if ours and lines[at : at + len(ours)] == ours]
    if now.kind is not Kind.FILE or len(starts) != 1:
        return None
    at = starts[0]
    text = "".join(f"{line}\n" for line in lines[:at] + theirs + lines[at + len(ours) :])
    return replace(now, data=text.encode("utf-8", "surrogateescape"))


def _alike(one: list[str], other: list[str]) -> int:
    """How many lines both begin with."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _is_not_cut_yet(now: Content, was: Content) -> bool:
    """True if putting *was* back in place was interrupted before its last step (`Files.put`)."""
    return now.kind is was.kind is Kind.FILE and now.data.rstrip(b"\n") == was.data.rstrip(b"\n")


def _digest(content: Content) -> str:
    text = f"{content.kind.value}\0{content.target}\0".encode() + content.data
    return hashlib.sha256(text).hexdigest()


def tidy_all(files: Files) -> None:
    """Nothing is left beside any place by a run that was killed."""
    for place in PLACES.values():
        with suppress(SetupFailed, OSError):
            files.tidy(place.path)
