"""Of who asked, the query log tells what `log.clients` allows, and no more."""

from __future__ import annotations

from random import Random

import pytest

from resolver.limits import QUERY_LOG_CLIENTS
from resolver.protocol.ip_addresses import address_octets
from resolver.telemetry.client_forms import DAY_KEY_OCTETS, ClientForms, DayKey

DAY = 86_400.0
V4, V6 = address_octets("198.51.100.77"), address_octets("2001:db8:1:2fff::7")


def forms(form: str, cell: bytearray | memoryview | None = None) -> ClientForms:
    key = DayKey(cell or bytearray(DAY_KEY_OCTETS), Random(1).randbytes)
    made = ClientForms(key)
    made.go_by(form)
    made.look(DAY)
    return made


@pytest.mark.parametrize(
    ("form", "v4", "v6"),
    [
        ("no", "", ""),
        ("prefix", "198.51.100.0/24", "2001:db8:1:2f00::/56"),
        ("full", "198.51.100.77", "2001:db8:1:2fff::7"),
    ],
)
def test_a_client_is_told_as_far_as_is_allowed(form: str, v4: str, v6: str) -> None:
    made = forms(form)
    assert (made.of(V4), made.of(V6), made.of(b"")) == (v4, v6, "")


def test_a_hash_tells_the_clients_of_one_day_apart_and_nothing_else() -> None:
    made = forms("hash")
    today = made.of(V4)
    assert len(today) == 16
    assert int(today, 16)
    assert made.of(V6) != today
    assert not made.look(2 * DAY - 1)
    assert made.of(V4) == today
    assert made.look(2 * DAY)
    assert made.of(V4) != today


def test_the_key_of_a_day_is_gone_on_the_next() -> None:
    """From the memory that all workers share too."""
    cell = bytearray(DAY_KEY_OCTETS)
    leader = DayKey(memoryview(cell), Random(1).randbytes)
    follower = DayKey(memoryview(cell), Random(2).randbytes, leads=False)
    key = leader.at(DAY)
    assert follower.at(DAY) == key
    assert follower.at(2 * DAY) == key  # until the first worker draws the next
    other = leader.at(2 * DAY)
    assert key not in cell
    assert follower.at(2 * DAY) == other != key


def test_whoever_comes_first_draws_the_first_key() -> None:
    cell = bytearray(DAY_KEY_OCTETS)
    follower = DayKey(memoryview(cell), Random(2).randbytes, leads=False)
    assert follower.at(DAY) == DayKey(memoryview(cell), Random(1).randbytes).at(DAY)


@pytest.mark.reaches("QUERY_LOG_CLIENTS")
def test_addresses_that_are_made_up_do_not_fill_memory() -> None:
    made = forms("full")
    for number in range(QUERY_LOG_CLIENTS):
        made.of(number.to_bytes(4, "big"))
    assert len(made._known) == QUERY_LOG_CLIENTS
    assert made.of(V4) == "198.51.100.77"
    assert list(made._known) == [V4]
