"""Layouts of replies: equal ones share an object, and there are not too many."""

from __future__ import annotations

from itertools import product

import pytest

from resolver.limits import PACKET_LAYOUTS
from resolver.packets import form
from resolver.packets.packet import shared_layout


@pytest.mark.reaches("PACKET_LAYOUTS")
def test_layouts_do_not_fill_memory() -> None:
    """Whoever owns a zone makes replies of as many sizes as he likes."""
    for one, other in product(range(70), repeat=2):
        form.layout_alone([bytes(one), bytes(other)], 60, 200)
        form._mask((one, 100 + other))
        shared_layout(octets=one, ttl_mask=other, room=0, opt_octets=-1)
    for remembered in (form._mask_alone, form._mask, shared_layout):
        assert remembered.cache_info().currsize == PACKET_LAYOUTS
