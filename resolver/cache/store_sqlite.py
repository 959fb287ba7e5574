"""The file under the second level: records by number in one SQLite database (WAL).

Why SQLite and not LMDB: a file that is cut short or damaged is an exception here and the end of the
process there, and it is in the standard library. SIGKILL loses nothing that was committed, a power
failure the last moments. Readers are never kept waiting, by whichever process; who writes waits
STORE_BUSY_MS for another.

A file that turns out damaged is set aside as `.bad`, one of them, and a new one begun. One that is
another program's, or a later version's, is left alone. Values are their owner's: see `record`.
One thread reads; another may write at the same time, one at a time.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import suppress
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from resolver.cache.store import Row
from resolver.errors import StoreDamaged, StoreFailed, StoreForeign
from resolver.limits import (
    STORE_BUSY_MS,
    STORE_CHECKPOINT_PAGES,
    STORE_JOURNAL_OCTETS,
    STORE_PAGE_OCTETS,
    STORE_READ_IN_OCTETS,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

APPLICATION: Final = 0x52534C56  # "RSLV" where SQLite keeps whose file it is
FORMAT: Final = 2
_TABLES: Final = ("record", "resident")
_SCHEMA: Final = tuple(
    f"CREATE TABLE {table}(id INTEGER PRIMARY KEY, used INTEGER NOT NULL, "
    "until INTEGER NOT NULL, value BLOB NOT NULL)"
    for table in _TABLES
)
_KEY_CHECK: Final = 0  # number of the record in `resident` that tells whose key it was
_SIDES: Final = ("-wal", "-shm")
AT: Final = "SELECT id, used, value FROM record WHERE id BETWEEN ? AND ? LIMIT 256"
_KEYS: Final = (
    "SELECT max(id), group_concat(id >> 8 & 0xFFFFFFFF) FROM "
    "(SELECT id FROM record WHERE id > ? ORDER BY id LIMIT ?)"
)
_PUT: Final = {table: f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?)" for table in _TABLES}  # noqa: S608
_PAGES_AT_ONCE: Final = 64
_PIECE: Final = 1 << 20


def failed_by(error: sqlite3.Error | ValueError) -> StoreFailed:
    """What SQLite's *error* is here: damage, or a failure of the disk or of somebody's timing."""
    name = getattr(error, "sqlite_errorname", "") or ""
    is_damage = name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or (
        not name and not isinstance(error, sqlite3.OperationalError)
    )
    text = str(error) or name
    return StoreDamaged(text) if is_damage else StoreFailed(text)


class SqliteStore:
    """One open file. Raises StoreFailed and its kinds, nothing else."""

    def __init__(self, path: Path, key: bytes) -> None:
        self.path = path
        self._check = blake2b(b"the key of this store", digest_size=16, key=key).digest()
        self._closed = False
        self._scanner: sqlite3.Connection | None = None
        self._cold_reader: sqlite3.Connection | None = None
        self._cold_lock = threading.Lock()  # by who waits for the disk, left alone by then or not
        self._file = (0, 0)
        try:
            self._writer = self._connected()
            self._prepare()
            self._reader = self._reading()
        except (sqlite3.Error, ValueError) as error:
            self._close_all()
            raise failed_by(error) from None
        except StoreFailed:
            self._close_all()
            raise
        self._file = _identity(path)

    def __repr__(self) -> str:
        return f"<SqliteStore {self.path}>"

    def _connected(self) -> sqlite3.Connection:
        """A connection that any thread may use, one at a time."""
        connection = sqlite3.connect(
            self.path, timeout=STORE_BUSY_MS / 1000, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        return connection

    def _reading(self) -> sqlite3.Connection:
        connection = self._connected()
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _prepare(self) -> None:
        """Look whose file it is, and make it ours where it is empty."""
        writer = self._writer
        (application,) = writer.execute("PRAGMA application_id").fetchone()
        (version,) = writer.execute("PRAGMA user_version").fetchone()
        (objects,) = writer.execute("SELECT count(*) FROM sqlite_master").fetchone()
        is_empty = not (objects or application or version)
        if is_empty:
            writer.execute(f"PRAGMA page_size = {STORE_PAGE_OCTETS}")
            writer.execute("PRAGMA auto_vacuum = INCREMENTAL")
        elif application != APPLICATION:
            raise StoreForeign("it is another program's database")
        elif version < FORMAT:
            raise StoreDamaged(f"it is of the earlier format {version}")
        elif version != FORMAT:
            raise StoreForeign(f"it is of format {version}, and this version reads {FORMAT}")
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("PRAGMA synchronous = NORMAL")
        writer.execute(f"PRAGMA wal_autocheckpoint = {STORE_CHECKPOINT_PAGES}")
        writer.execute(f"PRAGMA journal_size_limit = {STORE_JOURNAL_OCTETS}")
        if is_empty:
            self._begin_new()
        found = {sql for (sql,) in writer.execute("SELECT sql FROM sqlite_master")}
        if found != set(_SCHEMA):
            raise StoreDamaged("its tables are not what they were")
        self._check_key()

    def _begin_new(self) -> None:
        writer = self._writer
        writer.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA:
            writer.execute(statement.replace("TABLE ", "TABLE IF NOT EXISTS ", 1))
        writer.execute(f"PRAGMA application_id = {APPLICATION}")
        writer.execute(f"PRAGMA user_version = {FORMAT}")
        writer.execute(_PUT["resident"], (_KEY_CHECK, 0, 0, self._check))
        writer.execute("COMMIT")

    def _check_key(self) -> None:
        row = self._writer.execute(
            "SELECT value FROM resident WHERE id = ?", (_KEY_CHECK,)
        ).fetchone()
        if row is None or row[0] != self._check:
            raise StoreDamaged("it was written with another key")

    # --- the reading thread --------------------------------------------------------------------

    def at(self, base: int) -> list[tuple[int, int, bytes]]:
        """(number, used, value) of all that is kept of a name: see `store.base_of`.

        As it was when the first look-up since `let_go` was done: the same pages for many look-ups,
        and no locks.
        """
        reader = self._reader
        try:
            if not reader.in_transaction:
                reader.execute("BEGIN")
            return reader.execute(AT, (base, base + 0xFF)).fetchall()
        except (sqlite3.Error, ValueError) as error:
            raise failed_by(error) from None

    def read(self, numbers: Sequence[int]) -> list[tuple[int, int, bytes]]:
        """(number, used, value) of those of *numbers* that are there."""
        return read_numbers(self._reader, numbers)

    def let_go(self) -> None:
        """Have look-ups see what was written since."""
        try:
            if self._reader.in_transaction:
                self._reader.execute("COMMIT")
        except (sqlite3.Error, ValueError) as error:
            raise failed_by(error) from None

    # --- threads that may wait -----------------------------------------------------------------

    def cold(
        self, base: int | None, numbers: Sequence[int]
    ) -> tuple[list[tuple[int, int, bytes]], list[tuple[int, int, bytes]]]:
        """As `at`, nothing if None, and as `read`. From any thread, one at a time: it waits for the
        disk, on a connection of its own."""
        with self._cold_lock:
            try:
                if self._closed:
                    raise StoreFailed("it is closed")
                if self._cold_reader is None:
                    self._cold_reader = self._reading()
            except (sqlite3.Error, ValueError) as error:
                raise failed_by(error) from None
            connection = self._cold_reader
            try:
                rows = (
                    connection.execute(AT, (base, base + 0xFF)).fetchall()
                    if base is not None
                    else []
                )
            except (sqlite3.Error, ValueError) as error:
                raise failed_by(error) from None
            return rows, read_numbers(connection, numbers) if numbers else []

    # --- the writing thread --------------------------------------------------------------------

    def old(self, number: int, *, table: str = "record") -> bytes | None:
        """The value of *number*, as the writing thread sees it."""
        sql = f"SELECT value FROM {table} WHERE id = ?"  # noqa: S608  # one of two words
        try:
            row = self._writer.execute(sql, (number,)).fetchone()
        except (sqlite3.Error, ValueError) as error:
            raise failed_by(error) from None
        return row[0] if row is not None and isinstance(row[0], bytes) else None

    def olds(self, numbers: Sequence[int], *, table: str = "record") -> dict[int, bytes]:
        """The values of those of *numbers* that are there, as the writing thread sees them."""
        if not numbers:
            return {}
        sql = f"SELECT id, value FROM {table} WHERE id IN ({_marks(numbers)})"  # noqa: S608
        try:
            found = self._writer.execute(sql, numbers).fetchall()
        except (sqlite3.Error, ValueError) as error:
            raise failed_by(error) from None
        return {number: value for number, value in found if isinstance(value, bytes)}

    def write(
        self,
        rows: Iterable[Row] = (),
        *,
        residents: Iterable[Row] = (),
        used: Iterable[tuple[int, int]] = (),
        gone: Iterable[tuple[str, int]] = (),
    ) -> None:
        """Put *rows* and *residents*, note when others were *used* (when, number), and delete what
        is *gone* (table, number): all of it or nothing."""
        writer = self._writer
        try:
            writer.execute("BEGIN IMMEDIATE")
            try:
                writer.executemany(_PUT["record"], rows)
                writer.executemany(_PUT["resident"], residents)
                writer.executemany("UPDATE record SET used = ? WHERE id = ?", used)
                for table, number in gone:
                    writer.execute(f"DELETE FROM {table} WHERE id = ?", (number,))  # noqa: S608
                writer.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    writer.execute("ROLLBACK")
                raise
        except (sqlite3.Error, ValueError) as error:
            raise failed_by(error) from None

    def slice(
        self, after: int, count: int, *, table: str = "record", values: bool = False
    ) -> list[Row]:
        """Up to *count* records with numbers above *after*, in order; values only if wanted."""
        value = "value" if values else "x''"
        which = "id > ? AND id <> 0 ORDER BY id LIMIT ?"
        sql = f"SELECT id, used, until, {value} FROM {table} WHERE {which}"  # noqa: S608
        try:
            found = self._writer.execute(sql, (after, count)).fetchall()
        except (sqlite3.Error, ValueError) as error:
            raise failed_by(error) from None
        return [Row(*row) for row in found if _is_row(row)]

    def keys(self, after: int, count: int) -> tuple[int | None, list[int]]:
        """`store.key_of` of up to *count* records behind number *after*, and the last one's number;
        None if there are no more.

        From any thread: on a connection of its own, in one step of SQLite, while others run.
        """
        try:
            if self._scanner is None:
                self._scanner = self._reading()
            last, found = self._scanner.execute(_KEYS, (after, count)).fetchone()
        except (sqlite3.Error, ValueError) as error:
            raise failed_by(error) from None
        return last, [int(key) for key in found.split(",")] if found else []

    def octets(self) -> int:
        """Octets that are in use; pages that are free are not."""
        try:
            (pages,) = self._writer.execute("PRAGMA page_count").fetchone()
            (free,) = self._writer.execute("PRAGMA freelist_count").fetchone()
            (size,) = self._writer.execute("PRAGMA page_size").fetchone()
        except (sqlite3.Error, ValueError) as error:
            raise failed_by(error) from None
        return int((pages - free) * size)

    @property
    def size_octets(self) -> int:
        """Of the file, without its journal; 0 if it is gone."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def read_in(self, start: int) -> int | None:
        """Have a piece of the file from *start* on in the system's memory; where it ends, None if
        that is enough. From any thread: it waits for the disk."""
        with suppress(OSError), self.path.open("rb", buffering=0) as file:
            end = start + len(os.pread(file.fileno(), _PIECE, start))
            return end if start < end < STORE_READ_IN_OCTETS else None
        return None

    def shrink(self) -> None:
        """Give some free pages back to the file system."""
        try:
            self._writer.execute(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})").fetchall()
        except (sqlite3.Error, ValueError) as error:
            raise failed_by(error) from None

    @property
    def is_replaced(self) -> bool:
        """True if the file of that name is another one by now."""
        return _identity(self.path) != self._file

    def close(self) -> None:
        """Idempotent."""
        if not self._closed:
            self._closed = True
            self._close_all()

    def _close_all(self) -> None:
        is_free = self._cold_lock.acquire(timeout=STORE_BUSY_MS / 1000)
        names = ["_scanner", "_reader", "_writer"]
        if is_free:
            self._cold_lock.release()
            names.append("_cold_reader")  # else the disk hangs, and who waits for it
        for name in names:
            connection = getattr(self, name, None)
            if connection is not None:
                with suppress(sqlite3.Error):
                    connection.close()


def read_numbers(
    connection: sqlite3.Connection, numbers: Sequence[int]
) -> list[tuple[int, int, bytes]]:
    """(number, used, value) of those of *numbers* that are there. Raises StoreFailed."""
    sql = f"SELECT id, used, value FROM record WHERE id IN ({_marks(numbers)})"  # noqa: S608
    try:
        return connection.execute(sql, numbers).fetchall()
    except (sqlite3.Error, ValueError) as error:
        raise failed_by(error) from None


def _marks(numbers: Sequence[int]) -> str:
    return ",".join("?" * len(numbers))


def _is_row(found: tuple[object, ...]) -> bool:
    """A column has the type of what was put there, not of the table; a damaged page, any."""
    *numbers, value = found
    return isinstance(value, bytes) and all(isinstance(number, int) for number in numbers)


def _identity(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino


def set_aside(path: Path) -> None:
    """Rename the file to `.bad`, in the place of an older one, and drop what belongs to it.

    Raises OSError.
    """
    for side in _SIDES:
        _beside(path, side).unlink(missing_ok=True)
    path.replace(_beside(path, ".bad"))


def discard(path: Path) -> bool:
    """Delete the file and all beside it; True if there was one. Raises OSError."""
    was_there = path.exists()
    for suffix in ("", *_SIDES, ".bad"):
        _beside(path, suffix).unlink(missing_ok=True)
    return was_there


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
