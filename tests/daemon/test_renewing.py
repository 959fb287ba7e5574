"""What a link that costs by the octet is spared."""

from __future__ import annotations

import pytest

from resolver.config.load import loads
from resolver.daemon.renewing import renews_ahead
from resolver.daemon.zones import uses_root_copy


@pytest.mark.parametrize(
    ("text", "renews"),
    [
        ("", True),
        ("outgoing.metered = true", False),
        ("resolution.prefetch = false", False),
    ],
)
def test_nothing_is_renewed_ahead_of_need_on_a_metered_link(text: str, *, renews: bool) -> None:
    assert renews_ahead(loads(text)) == renews


@pytest.mark.parametrize(("local", "used"), [('"auto"', False), ("true", True)])
def test_a_root_copy_is_fetched_over_a_metered_link_only_if_it_is_wanted(
    local: str, *, used: bool
) -> None:
    text = f"working_directory = '/tmp'\nroot.local = {local}\noutgoing.metered = true"
    assert uses_root_copy(loads(text)) == used
