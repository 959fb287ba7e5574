"""The file under the second level: what is committed stays, and no damage does more than damage."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from resolver.cache.store import Row
from resolver.cache.store_sqlite import SqliteStore, discard, set_aside
from resolver.errors import StoreDamaged, StoreFailed, StoreForeign
from resolver.limits import (
    STORE_BUSY_MS,
    STORE_CHECKPOINT_PAGES,
    STORE_JOURNAL_OCTETS,
    STORE_PAGE_OCTETS,
    STORE_READ_IN_OCTETS,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = b"k" * 32
ROWS = [Row(number * 7 - 500, 100 + number, 200, bytes((number,)) * 300) for number in range(200)]
NUMBERS = [row.number for row in ROWS]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


def filled(path: Path) -> None:
    store = SqliteStore(path, KEY)
    store.write(ROWS, residents=ROWS[:3])
    store.close()


def read_all(store: SqliteStore) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for start in range(0, len(NUMBERS), 50):
        found |= {number: value for number, _, value in store.read(NUMBERS[start : start + 50])}
    return found


def test_what_is_written_is_read_also_by_who_comes_later(path: Path) -> None:
    filled(path)
    store = SqliteStore(path, KEY)
    assert store.read([ROWS[5].number, 12345]) == [(ROWS[5].number, 105, ROWS[5].value)]
    assert store.old(ROWS[1].number, table="resident") == ROWS[1].value
    assert read_all(store) == {row.number: row.value for row in ROWS}
    store.close()


def test_one_process_reads_what_another_has_just_written(path: Path) -> None:
    """As workers do; who reads is never kept waiting by who writes."""
    first, second = SqliteStore(path, KEY), SqliteStore(path, KEY)
    first.write(ROWS[:1])
    assert second.read([ROWS[0].number]) == [(ROWS[0].number, 100, ROWS[0].value)]
    first._writer.execute("BEGIN IMMEDIATE")
    first._writer.execute("DELETE FROM record")
    assert len(second.read([ROWS[0].number])) == 1
    first._writer.execute("ROLLBACK")
    first.close()
    second.close()


@pytest.mark.reaches("STORE_BUSY_MS")
def test_who_writes_waits_for_another_only_shortly(path: Path) -> None:
    first, second = SqliteStore(path, KEY), SqliteStore(path, KEY)
    first._writer.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    with pytest.raises(StoreFailed, match="locked"):
        second.write(ROWS[:1])
    assert STORE_BUSY_MS / 2000 < time.monotonic() - begun < STORE_BUSY_MS / 1000 + 5
    first._writer.execute("ROLLBACK")
    first.close()
    second.close()


def test_a_write_is_whole_or_not_at_all(path: Path) -> None:
    store = SqliteStore(path, KEY)
    store.write(ROWS[:1])
    bad = Row(1, 2, 3, None)  # type: ignore[arg-type]
    with pytest.raises(StoreFailed):
        store.write([ROWS[1], bad], used=[(999, ROWS[0].number)])
    assert store.read([ROWS[0].number, ROWS[1].number]) == [(ROWS[0].number, 100, ROWS[0].value)]
    store.write(used=[(999, ROWS[0].number)], gone=[("record", 5), ("resident", 5)])
    assert store.read([ROWS[0].number])[0][1] == 999
    store.close()


def test_rows_are_gone_through_in_order(path: Path) -> None:
    filled(path)
    store = SqliteStore(path, KEY)
    found = store.slice(-(1 << 63), 50)
    assert found == [row._replace(value=b"") for row in ROWS[:50]]
    assert store.slice(ROWS[49].number, 3, values=True) == ROWS[50:53]
    store.close()


@pytest.mark.reaches("STORE_PAGE_OCTETS", "STORE_JOURNAL_OCTETS")
def test_pages_are_small_and_the_journal_does_not_stay_large(path: Path) -> None:
    store = SqliteStore(path, KEY)
    assert store._writer.execute("PRAGMA page_size").fetchone() == (STORE_PAGE_OCTETS,)
    reading = store._reader.execute("SELECT count(*) FROM record UNION ALL SELECT 1")
    reading.fetchone()  # somebody is in the middle of reading: the journal can only grow
    big = [Row(number, 1, 1, bytes(1 << 20)) for number in range(1, 25)]
    for row in big:
        store.write([row])
    journal = path.with_name("store.sqlite-wal")
    assert journal.stat().st_size > STORE_JOURNAL_OCTETS
    reading.close()
    store._writer.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
    store.write([Row(1, 1, 1, b"x")])
    assert journal.stat().st_size <= STORE_JOURNAL_OCTETS
    before = store.octets()
    store.write(gone=[("record", row.number) for row in big])
    assert store.octets() < before - (20 << 20)
    was = path.stat().st_size
    store.shrink()
    store._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert path.stat().st_size < was or store.octets() < before
    store.close()


@pytest.mark.reaches("STORE_CHECKPOINT_PAGES")
def test_the_journal_goes_to_the_file_once_it_is_long(path: Path) -> None:
    """A page that is written each second does not go there each second."""
    store = SqliteStore(path, KEY)
    (before,) = store._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert before[0] == 0
    was = path.stat().st_size
    rows = [Row(number, 1, 1, bytes(1900)) for number in range(1, 1500)]
    store.write(rows)
    assert path.stat().st_size == was
    store.write([row._replace(number=row.number + 2000) for row in rows])
    assert path.stat().st_size > was
    assert STORE_CHECKPOINT_PAGES == 2000
    store.close()


@pytest.mark.reaches("STORE_READ_IN_OCTETS")
def test_the_beginning_of_the_file_is_read_in(path: Path) -> None:
    filled(path)
    store = SqliteStore(path, KEY)
    assert store.read_in(0) == store.size_octets == path.stat().st_size
    assert store.read_in(store.size_octets) is None
    with path.open("r+b") as file:
        file.truncate(65 << 20)
    assert store.read_in(62 << 20) == 63 << 20
    assert store.read_in(63 << 20) is None
    assert STORE_READ_IN_OCTETS == 64 << 20
    path.unlink()
    assert store.read_in(0) is None
    assert store.size_octets == 0
    store.close()


# --- damage -----------------------------------------------------------------------------------


def used_with(path: Path, key: bytes = KEY) -> set[str]:
    """Open, read all and write, as a daemon would; what it was told. Values read must be whole."""
    told: set[str] = set()
    store = None
    try:
        store = SqliteStore(path, key)
        for row in ROWS:
            for number, _, value in store.read([row.number]):
                assert isinstance(number, int)
                if not isinstance(value, bytes) or value != row.value:
                    told.add("a value that its checksum would tell")
        store.slice(-(1 << 63), 500, values=True)
        store.write(ROWS[:20], residents=ROWS[:2], gone=[("record", ROWS[30].number)])
    except StoreFailed as error:
        told.add(type(error).__name__)
    finally:
        if store is not None:
            store.close()
    return told


def damaged(path: Path, whole: bytes, change: Callable[[bytearray], object]) -> set[str]:
    octets = bytearray(whole)
    change(octets)
    for beside in path.parent.iterdir():
        beside.unlink()
    path.write_bytes(octets)
    return used_with(path)


@pytest.fixture
def whole(path: Path) -> bytes:
    filled(path)
    return path.read_bytes()


def test_a_file_that_is_cut_at_any_page_is_damaged_or_whole(path: Path, whole: bytes) -> None:
    for size in range(0, len(whole), STORE_PAGE_OCTETS):
        for end in (size, size + 100):

            def cut(octets: bytearray, end: int = end) -> None:
                del octets[end:]

            told = damaged(path, whole, cut)
            assert told <= {"StoreDamaged", "StoreForeign", "a value that its checksum would tell"}


@pytest.mark.parametrize("octet", [0x00, 0xFF])
def test_a_page_that_was_overwritten_ends_in_nothing_worse_than_an_error(
    path: Path, whole: bytes, octet: int
) -> None:
    pages = len(whole) // STORE_PAGE_OCTETS
    for page in range(pages):
        at = page * STORE_PAGE_OCTETS

        def fill(octets: bytearray, at: int = at) -> None:
            octets[at : at + STORE_PAGE_OCTETS] = bytes((octet,)) * STORE_PAGE_OCTETS

        told = damaged(path, whole, fill)
        assert told <= {"StoreDamaged", "StoreFailed", "StoreForeign"}, page


def test_flipped_octets_end_in_nothing_worse_than_an_error(path: Path, whole: bytes) -> None:
    """Every page's first octets, where its structure is, and every 397th of the rest."""
    step = 397
    places = set(range(0, len(whole), step)) | {
        page + at for page in range(0, len(whole), STORE_PAGE_OCTETS) for at in range(0, 12, 3)
    }
    for at in sorted(places):

        def flip(octets: bytearray, at: int = at) -> None:
            octets[at] ^= 0x55

        damaged(path, whole, flip)


def test_another_programs_database_is_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA application_id = 42")
        other.execute("CREATE TABLE theirs(x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreForeign, match="another program's"):
        SqliteStore(path, KEY)
    assert path.read_bytes() == before


def test_a_database_without_a_name_is_another_programs_too(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs(x)")
    other.close()
    with pytest.raises(StoreForeign):
        SqliteStore(path, KEY)


def test_a_later_format_is_left_alone(path: Path) -> None:
    filled(path)
    with sqlite3.connect(path) as later:
        later.execute("PRAGMA user_version = 3")
    later.close()
    with pytest.raises(StoreForeign, match="format 3, and this version reads 2"):
        SqliteStore(path, KEY)


def test_an_earlier_format_is_begun_anew(path: Path) -> None:
    """Numbers were made otherwise: what is there would be found by nobody."""
    filled(path)
    with sqlite3.connect(path) as earlier:
        earlier.execute("PRAGMA user_version = 1")
    earlier.close()
    with pytest.raises(StoreDamaged, match="of the earlier format 1"):
        SqliteStore(path, KEY)


def test_another_key_is_damage(path: Path) -> None:
    filled(path)
    assert used_with(path, b"another" * 4) == {"StoreDamaged"}


def test_other_tables_are_damage(path: Path) -> None:
    """A trigger, for one, would be run by what we write."""
    filled(path)
    with sqlite3.connect(path) as other:
        other.execute("CREATE TRIGGER t AFTER INSERT ON record BEGIN DELETE FROM record; END")
    other.close()
    with pytest.raises(StoreDamaged, match="tables"):
        SqliteStore(path, KEY)


def test_what_is_no_database_is_damage(path: Path) -> None:
    path.write_bytes(b"Dear diary, " * 1000)
    with pytest.raises(StoreDamaged):
        SqliteStore(path, KEY)


def test_what_is_set_aside_makes_room_and_one_is_kept(path: Path) -> None:
    for text in (b"first", b"second"):
        path.write_bytes(text)
        path.with_name("store.sqlite-wal").write_bytes(b"?")
        set_aside(path)
    assert {one.name: one.read_bytes() for one in path.parent.iterdir()} == {
        "store.sqlite.bad": b"second"
    }
    assert not discard(path)
    filled(path)
    assert discard(path)
    assert list(path.parent.iterdir()) == []


def test_a_file_that_was_replaced_is_told(path: Path) -> None:
    store = SqliteStore(path, KEY)
    known = [store.is_replaced]
    set_aside(path)
    assert [*known, store.is_replaced] == [False, True]
    store.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
def test_a_full_disk_is_an_error_and_reading_goes_on(tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(tmp_path)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a tmpfs")
    try:
        store = SqliteStore(tmp_path / "store.sqlite", KEY)
        store.write(ROWS[:10])
        with pytest.raises(StoreFailed, match="full"):
            store.write([Row(1, 1, 1, bytes(1 << 20))])
        assert store.read([ROWS[3].number]) == [(ROWS[3].number, 103, ROWS[3].value)]
        store.close()
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


KILLED = """
import sys
from pathlib import Path
from resolver.cache.store import Row
from resolver.cache.store_sqlite import SqliteStore
store = SqliteStore(Path(sys.argv[1]), b"k" * 32)
for number in range(1, 1000000):
    store.write([Row(number, 1, 1, number.to_bytes(8, "big") * 40)])
    print(number, flush=True)
"""


def test_a_kill_at_any_moment_loses_nothing_that_was_committed(path: Path) -> None:
    """Ten times in the midst of writing, on the same file."""
    for wait_s in (0.01 * one for one in range(10)):
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(wait_s)
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split()
        child.stdout.close()
        child.wait()
        store = SqliteStore(path, KEY)
        for number in range(1, int(rest[-1]) if rest else 1):
            assert store.read([number]) == [(number, 1, number.to_bytes(8, "big") * 40)]
        with suppress(StoreFailed):
            store.close()
