"""What tests of the second level share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cache.shelf import Bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    found = Bench(tmp_path / "store.sqlite")
    yield found
    found.file.close()
