"""The fixtures for tests of other programs, and what they cost who does not use them: nothing."""

from __future__ import annotations

import asyncio
import importlib
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import resolver
from resolver.library.pytest_plugin import resolver_lab, resolver_zones
from resolver.library.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["resolver_lab", "resolver_zones"]  # where the package is not installed, from here
ROOT = Path(__file__).resolve().parents[2]


def test_it_is_registered_and_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (module,) = project["entry-points"]["pytest11"].values()
    plugin = importlib.import_module(module)
    assert {"resolver_lab", "resolver_zones"} <= set(vars(plugin))


@pytest.mark.usefixtures("resolver_lab")
def test_what_a_program_opens_itself_goes_to_the_lab() -> None:
    async def program() -> tuple[str, ...]:
        async with resolver.open() as r:
            return (await r.resolve("www.example.com")).addresses

    assert asyncio.run(program()) == ("192.0.2.80",)


class TestZones:
    """Of one's own, by overriding a fixture."""

    @pytest.fixture
    def resolver_zones(self) -> Mapping[str, str]:
        return {"app.test": "@ 60 A 192.0.2.7"}

    def test_they_are_there(self, resolver_lab: resolver.SyncResolver) -> None:
        assert resolver_lab.resolve("app.test").addresses == ("192.0.2.7",)
        with resolver.open_sync() as another:
            assert another.resolve("app.test").addresses == ("192.0.2.7",)


def test_other_tests_are_on_the_internet_as_before() -> None:
    assert not Settings.of(None, lab=None, zones=None).lab
