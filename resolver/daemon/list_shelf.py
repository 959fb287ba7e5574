"""Where lists lie: a directory of their own in `working_directory`, or files that have no name.

Of each source the text that was last good, and the compiled file of all. What is written is written
beside and renamed. Without a directory, or as an account that others have too, they are files in
the place for temporary ones that are gone with the process.
"""

from __future__ import annotations

import logging
import os
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from resolver.runtime.file_stamp import stamp_of
from resolver.runtime.private_files import shared_account

if TYPE_CHECKING:
    from resolver.daemon.state import StateDirectory

_log = logging.getLogger(__name__)
DIRECTORY: Final = "lists"
COMPILED: Final = "compiled"
KNOWN: Final = "sources.json"
_DAMAGED: Final = ".damaged"
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


class Draft:
    """A file in the making; *name* is "" where it has none, *descriptor* -1 once it is closed."""

    def __init__(self, descriptor: int, name: str) -> None:
        self.descriptor = descriptor
        self.name = name

    def __repr__(self) -> str:
        return f"<Draft {self.name or 'without a name'}>"

    def close(self) -> None:
        """Idempotent."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


class Shelf:
    """One for a process. *leads*: of several workers it is the one that writes."""

    def __init__(self, state: StateDirectory, *, leads: bool = True) -> None:
        self._state = state
        self._leads = leads
        self._directory = -1
        self._is_open = False
        self._nameless: dict[str, int] = {}
        self._drafts = 0

    def __repr__(self) -> str:
        return f"<Shelf {DIRECTORY if self.is_shared else 'without names'}>"

    @property
    def is_shared(self) -> bool:
        """Do others find what is kept here, after us or beside us?"""
        return self._directory >= 0

    def open(self) -> None:
        """As who we are now. Never raises; idempotent."""
        if self._is_open:
            return
        self._is_open = True
        if not self._state.keeps:
            return
        trouble = shared_account() or self._open()
        if trouble and self._leads:
            _log.warning("lists are not kept over a restart: %s", trouble)

    def _open(self) -> str:
        parent = self._state.descriptor
        try:
            with suppress(FileExistsError):
                os.mkdir(DIRECTORY, 0o755, dir_fd=parent)
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
            found = os.open(DIRECTORY, flags, dir_fd=parent)
        except OSError as error:
            return f"working_directory: {DIRECTORY}: {error.strerror}"
        if not os.access(".", os.W_OK | os.X_OK, dir_fd=found, effective_ids=True):
            os.close(found)
            return f"working_directory: {DIRECTORY} cannot be written"
        self._directory = found
        if self._leads:
            self._sweep()
        return ""

    def _sweep(self) -> None:
        """Away with what a process left that was killed."""
        for name in os.listdir(self._directory):  # noqa: PTH208  # by descriptor
            if name.startswith("."):
                with suppress(OSError):
                    os.unlink(name, dir_fd=self._directory)

    def close(self) -> None:
        """Let go of everything. Idempotent."""
        for descriptor in (*self._nameless.values(), self._directory):
            if descriptor >= 0:
                os.close(descriptor)
        self._nameless, self._directory, self._is_open = {}, -1, False

    def draft(self) -> Draft:
        """A new file. Raises OSError."""
        if not self.is_shared:
            with tempfile.TemporaryFile(prefix="resolver-list-") as file:
                return Draft(os.dup(file.fileno()), "")
        self._drafts += 1
        name = f".{os.getpid()}-{self._drafts}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        return Draft(os.open(name, flags, 0o644, dir_fd=self._directory), name)

    def keep(self, draft: Draft, name: str) -> None:
        """Have *draft* be what is kept as *name*, whole or not at all. Raises OSError."""
        if not draft.name:
            old = self._nameless.pop(name, -1)
            self._nameless[name], draft.descriptor = draft.descriptor, -1
            if old >= 0:
                os.close(old)
            return
        try:
            os.fsync(draft.descriptor)
            os.rename(draft.name, name, src_dir_fd=self._directory, dst_dir_fd=self._directory)
        except OSError:
            self.drop(draft)
            raise
        draft.close()

    def drop(self, draft: Draft) -> None:
        """Never mind. Idempotent."""
        was_open = draft.descriptor >= 0
        draft.close()
        if draft.name and was_open:
            with suppress(OSError):
                os.unlink(draft.name, dir_fd=self._directory)

    def find(self, name: str) -> int:
        """What is kept as *name*, open for reading from its start; -1 if nothing is."""
        try:
            if self.is_shared:
                return os.open(name, _READ, dir_fd=self._directory)
            held = self._nameless.get(name, -1)
            return os.open(f"/proc/self/fd/{held}", _READ) if held >= 0 else -1
        except OSError:
            return -1

    def look(self, name: str) -> tuple[int, int, int]:
        """Which file is kept as *name*; the same as long as it is that one."""
        descriptor = self.find(name)
        if descriptor < 0:
            return 0, 0, 0
        found = os.fstat(descriptor)
        os.close(descriptor)
        return stamp_of(found)

    def set_aside(self, name: str) -> str:
        """Have what is kept as *name* out of the way; what it is called now."""
        if not self.is_shared:
            held = self._nameless.pop(name, -1)
            if held >= 0:
                os.close(held)
            return "gone"
        with suppress(OSError):
            os.rename(name, name + _DAMAGED, src_dir_fd=self._directory, dst_dir_fd=self._directory)
        return f"{DIRECTORY}/{name}{_DAMAGED}"

    def forget_all_but(self, wanted: frozenset[str]) -> None:
        """Away with texts of lists that nobody wants any more."""
        if self.is_shared:
            for name in os.listdir(self._directory):  # noqa: PTH208  # by descriptor
                if name.endswith(".list") and name not in wanted:
                    with suppress(OSError):
                        os.unlink(name, dir_fd=self._directory)
        else:
            for name in [each for each in self._nameless if each.endswith(".list")]:
                if name not in wanted:
                    os.close(self._nameless.pop(name))


def text_name(source: str) -> str:
    """What the text of a source is kept as."""
    return f"{source}.list"
