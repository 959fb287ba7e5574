"""What the doctor's tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.doctor import sick_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[sick_world.World]:
    """A home and its Internet, in namespaces of their own."""
    with sick_world.world(tmp_path) as made:
        yield made
