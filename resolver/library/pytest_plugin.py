"""Fixtures for tests of programs that resolve names, registered with pytest as "resolver".

    def test_my_program(resolver_lab):
        assert my_program.find("www.example.com") == "192.0.2.80"

Nothing of the resolver is loaded before a test asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from resolver.library.sync import SyncResolver


@pytest.fixture
def resolver_zones() -> Mapping[str, str]:
    """Names of your own: override it, with zone file text by apex."""
    return {}


@pytest.fixture
def resolver_lab(resolver_zones: Mapping[str, str]) -> Iterator[SyncResolver]:
    """The program's `resolver.open()` and `open_sync()` go to the lab; here is one of them."""
    import resolver  # noqa: PLC0415  # see above

    with resolver.use_lab(zones=resolver_zones), resolver.open_sync() as opened:
        yield opened
