"""One budget of memory, divided: nothing is larger than it, and everything has its least."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resolver.config import load
from resolver.config.shares import (
    budget_octets,
    common_octets,
    least_octets,
    most_records,
    program_octets,
    shares_of,
)
from resolver.daemon.in_common import counters_of
from resolver.errors import ConfigError
from resolver.limits import MEMORY_OCTETS_RANGE

if TYPE_CHECKING:
    from resolver.config.schema import Config

MEBI = 1 << 20
_ENCRYPTED = 'server.listen = ["tls://127.0.0.1:853"]\n'


def config(text: str = "", *, workers: int = 1) -> Config:
    made = load.loads(text)
    server = msgspec.structs.replace(made.server, workers=workers)
    return msgspec.structs.replace(made, server=server)


@pytest.mark.reaches("MEMORY_PART", "MEMORY_LEAST_OCTETS", "MEMORY_UNKNOWN_OCTETS")
def test_auto_is_a_quarter_of_what_there_is() -> None:
    assert budget_octets(config(), 1024 * MEBI) == 256 * MEBI
    assert budget_octets(config(), 128 * MEBI) == 96 * MEBI - 32 * MEBI == 64 * MEBI
    assert budget_octets(config()) == 512 * MEBI  # nobody says what there is


@pytest.mark.reaches("MEMORY_MOST_PART")
def test_no_budget_is_larger_than_three_quarters_of_what_there_is() -> None:
    said = config(f"memory = {2048 * MEBI}")
    assert budget_octets(said, 1024 * MEBI) == 768 * MEBI
    assert budget_octets(said, 4096 * MEBI) == 2048 * MEBI
    assert budget_octets(said, 32 * MEBI) == 64 * MEBI  # with less it could not even begin


@pytest.mark.reaches("MEMORY_PROGRAM_OCTETS", "MEMORY_ENCRYPTED_OCTETS")
def test_the_program_comes_first_and_takes_more_with_encrypted_listeners() -> None:
    assert program_octets(config()) == 46 * MEBI
    assert program_octets(config(_ENCRYPTED)) == 70 * MEBI
    assert least_octets(config(_ENCRYPTED)) == 88 * MEBI


@pytest.mark.reaches("MEMORY_SUPERVISOR_OCTETS")
def test_workers_divide_the_budget() -> None:
    said = f"memory = {536 * MEBI}"
    one, four = shares_of(config(said)), shares_of(config(said, workers=4))
    assert four.budget == (536 - 24) // 4 * MEBI
    assert one.records > 4 * four.records > 0
    least = (24 + 4 * 64 + 17) * MEBI + 4096  # a ring of 4 MiB each, and one index
    assert least_octets(config(workers=4)) == least
    assert budget_octets(config(workers=4), 512 * MEBI) == least


@pytest.mark.parametrize("rate", [0, 200])
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_what_workers_have_in_common_is_as_large_as_what_is_made(workers: int, rate: int) -> None:
    said = config(f"server.rate_limit = {rate}", workers=workers)
    made = counters_of(workers)
    assert made.learnt is not None
    assert made.tokens is not None
    whole = 0 if workers == 1 else len(made.learnt) + (len(made.tokens) if rate else 0)
    assert common_octets(said) == whole
    assert whole <= workers * shares_of(said).in_common < whole + workers


@pytest.mark.reaches(
    "MEMORY_ROOM_OCTETS",
    "QUERIES_LEAST_OCTETS",
    "CONNECTIONS_LEAST_OCTETS",
    "QUIC_LEAST_OCTETS",
    "SERVERS_LEAST_OCTETS",
    "ZONE_KEYS_LEAST_OCTETS",
    "CACHES_LEAST_OCTETS",
)
def test_with_the_least_budget_each_has_its_least() -> None:
    shares = shares_of(config(f"memory = {64 * MEBI}"))
    assert shares.queries == 18 * MEBI // 5
    assert (shares.connections, shares.quic) == (2 * MEBI, 18 * MEBI // 10)
    assert (shares.servers, shares.zone_keys) == (1 * MEBI, MEBI // 2)
    assert 9 * MEBI < shares.caches < 10 * MEBI
    assert shares.places == 64
    assert shares.unsent == MEBI


@pytest.mark.reaches(
    "QUERIES_PART",
    "CONNECTIONS_PART",
    "QUIC_PART",
    "SERVERS_PART",
    "ZONE_KEYS_PART",
    "QUERY_IN_FLIGHT_OCTETS",
    "CONNECTION_OCTETS",
    "SERVER_OCTETS",
    "ZONE_KEYS_OCTETS",
    "STORE_FILTER_PART",
)
def test_parts_of_the_room() -> None:
    """At 128 MiB, what a machine of 512 MiB has by default."""
    shares = shares_of(config(f"{_ENCRYPTED}memory = {128 * MEBI}"))
    room = 58 * MEBI
    assert shares.queries == room // 5
    assert (shares.connections, shares.quic) == (room // 10, room // 10)
    assert (shares.servers, shares.zone_keys) == (room // 20, room // 40)
    assert shares.queries_in_flight == room // 5 // 10_240
    assert shares.places == room // 20 // 16_384
    assert (shares.known_servers, shares.known_zones) == (room // 20 // 1440, room // 40 // 1500)
    assert shares.store_filter == 8 * MEBI


def test_with_much_memory_clients_have_what_their_own_limits_say() -> None:
    shares = shares_of(config(f"memory = {64 << 30}"))
    assert (shares.places, shares.unsent, shares.quic) == (512, 16 * MEBI, 8 * MEBI)
    assert shares.queries_in_flight == 24_000
    assert (shares.known_servers, shares.known_zones) == (50_000, 16_384)
    assert shares.records > 30 << 30


@given(
    st.integers(*MEMORY_OCTETS_RANGE),
    st.integers(1, 64),
    st.booleans(),
)
def test_all_shares_together_fit_the_budget(octets: int, workers: int, encrypts: bool) -> None:  # noqa: FBT001
    said = config(_ENCRYPTED if encrypts else "", workers=workers)
    octets = max(octets, least_octets(said))
    said = msgspec.structs.replace(said, memory=octets)
    shares = shares_of(said)
    room = shares.queries + shares.connections + shares.quic + shares.servers + shares.zone_keys
    room += shares.in_common
    assert shares.program + room + shares.caches <= shares.budget + 8 * MEBI
    assert workers * shares.budget <= octets
    if shares.budget >= 102 * MEBI:
        assert shares.program + room + shares.caches <= shares.budget


@given(st.integers(1 << 20, 64 << 30), st.integers(1, 8))
@example(5_987_165, 8)
def test_records_of_a_wanted_size_have_their_place_in_auto(octets: int, workers: int) -> None:
    said = config(f"cache.size_octets = {octets}", workers=workers)
    assert shares_of(said).records == octets
    assert most_records(said) >= octets


def test_records_of_their_own_size_must_fit_into_the_budget() -> None:
    good = f"memory = {256 * MEBI}\n[cache]\nsize_octets = "
    most = most_records(config(f"memory = {256 * MEBI}"))
    assert load.loads(f"{good}{most}").cache.size_octets == most
    with pytest.raises(ConfigError) as found:
        load.loads(f"{good}{most + 1}")
    assert (found.value.where, found.value.value) == ("cache.size_octets", most + 1)
    assert f"{most} at most" in str(found.value)


def test_a_budget_that_is_too_small_for_its_workers_is_refused() -> None:
    with pytest.raises(ConfigError) as found:
        load.loads(f"memory = {256 * MEBI}\nserver.workers = 4")
    assert found.value.where == "memory"
    least = (24 + 4 * 64 + 17) * MEBI + 4096
    assert f"at least {least} for 4 workers" in str(found.value)
    with pytest.raises(ConfigError, match="a whole number from 67108864"):
        load.loads("memory = 1000000")
