"""The file of the second level, only read: by another process than the one that writes there."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from resolver.cache.store import CUT, base_of, number_of
from resolver.cache.store_sqlite import AT, failed_by, read_numbers
from resolver.limits import STORE_BUSY_MS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from resolver.cache.basis import Times
    from resolver.cache.negative import Denied
    from resolver.cache.read_back import ReadBack
    from resolver.cache.rrset import Entry
    from resolver.model import Delegation, Name, Question


class StoreReader:
    """What *back* makes of the file at *path* at *times*. Never writes there. Raises StoreFailed
    and its kinds."""

    def __init__(self, path: Path, back: ReadBack, times: Times) -> None:
        self._back = back
        self._times = times
        try:
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=STORE_BUSY_MS / 1000,
                isolation_level=None,
            )  # fmt: skip
            self._connection.execute("PRAGMA trusted_schema = OFF")
            self._connection.execute("PRAGMA cell_size_check = ON")
            self._connection.execute("BEGIN")  # the same view of it from now on
        except (sqlite3.Error, ValueError) as error:
            raise failed_by(error) from None

    def __repr__(self) -> str:
        return f"<StoreReader by {self._back}>"

    def data(self, question: Question) -> list[Entry | Denied]:
        """What is kept of *question*: data, an alias, a denial, though their time be over."""
        base = base_of(question.qname)
        try:
            rows = self._connection.execute(AT, (base, base + 0xFF)).fetchall()
        except (sqlite3.Error, ValueError) as error:
            raise failed_by(error) from None
        return self._back.data(rows, base, question, self._times)

    def cuts(self, zone: Name) -> Iterator[Delegation]:
        """The delegation of *zone*, if one is kept and counts."""
        number = number_of(zone, CUT)
        rows = read_numbers(self._connection, [number])
        return self._back.delegations(rows, {number: zone}, self._times)

    def close(self) -> None:
        """Idempotent."""
        self._connection.close()
