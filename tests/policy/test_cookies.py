"""Server cookies: ours are known again, others' are not."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.limits import (
    COOKIE_CLIENTS,
    COOKIE_FUTURE_SECONDS,
    COOKIE_KEY_SECONDS,
    COOKIE_PAST_SECONDS,
    COOKIE_SECONDS,
)
from resolver.policy.cookies import ServerCookies, cookie_in, is_malformed
from resolver.telemetry.shared_counters import SharedCounters, Slot

CLIENT = b"clientck"
SOURCE = b"\xc0\0\2\1"
WALL = 1_700_000_000.0


def made() -> ServerCookies:
    cookies = ServerCookies(random.Random(5))
    cookies.tick(WALL)
    return cookies


@pytest.mark.rfc("9018 §4")
def test_layout_and_recognition() -> None:
    cookies = made()
    option = cookies.option(CLIENT, SOURCE)
    assert option[:4] == b"\0\x0a\0\x18"
    assert option[4:12] == CLIENT
    assert option[12:16] == b"\x01\0\0\0"
    assert int.from_bytes(option[16:20], "big") == int(WALL)
    assert cookies.is_ours(option[4:], SOURCE, wall=WALL + 60)
    assert not cookies.is_ours(option[4:], b"\xc0\0\2\2", wall=WALL)
    assert not cookies.is_ours(CLIENT + bytes(16), SOURCE, wall=WALL)
    assert not cookies.is_ours(CLIENT, SOURCE, wall=WALL)


@pytest.mark.reaches("COOKIE_SECONDS", "COOKIE_PAST_SECONDS", "COOKIE_FUTURE_SECONDS")
@pytest.mark.rfc("9018 §4.3")
def test_age_is_bounded_and_stamps_are_renewed() -> None:
    """An hour into the past, five minutes into the future."""
    cookies = made()
    old = cookies.option(CLIENT, SOURCE)
    for age, is_ours in (
        (COOKIE_PAST_SECONDS, True),
        (COOKIE_PAST_SECONDS + 1, False),
        (-COOKIE_FUTURE_SECONDS, True),
        (-COOKIE_FUTURE_SECONDS - 1, False),
    ):
        assert cookies.is_ours(old[4:], SOURCE, wall=WALL + age) is is_ours
    cookies.tick(WALL + COOKIE_SECONDS - 1)
    assert cookies.option(CLIENT, SOURCE) == old
    cookies.tick(WALL + COOKIE_SECONDS)
    assert cookies.option(CLIENT, SOURCE) != old


@pytest.mark.rfc("7873 §5.2.2")
def test_lengths() -> None:
    good = [length for length in range(60) if not is_malformed(bytes(length))]
    assert good == [8, *range(16, 41)]


@pytest.mark.reaches("COOKIE_CLIENTS")
def test_memory_is_bounded() -> None:
    cookies = made()
    for at in range(COOKIE_CLIENTS):
        cookies.option(at.to_bytes(8, "big"), SOURCE)
    assert len(cookies._known) == COOKIE_CLIENTS
    cookies.option(COOKIE_CLIENTS.to_bytes(8, "big"), SOURCE)
    assert len(cookies._known) == 1


def test_workers_of_one_port_know_each_others_cookies() -> None:
    """The kernel gives a client's next query to another of them, by its port."""
    board = SharedCounters(2)
    one, other = (ServerCookies(random.Random(seed)) for seed in (1, 2))
    for at, cookies in enumerate((one, other)):
        cookies.tick(WALL)
        cookies.share(Slot(board, at).key)
    option = one.option(CLIENT, SOURCE)[4:]
    assert other.is_ours(option, SOURCE, wall=WALL)
    stranger = made()
    assert not stranger.is_ours(option, SOURCE, wall=WALL)


@pytest.mark.reaches("COOKIE_KEY_SECONDS")
@pytest.mark.rfc("7873 §7.1")
def test_workers_change_their_key_in_step_and_nobodys_cookie_is_lost_by_it() -> None:
    """What was made a moment before counts for as long as any; a day later nothing of it does."""
    midnight = (WALL // COOKIE_KEY_SECONDS + 1) * COOKIE_KEY_SECONDS
    one, other = (ServerCookies(random.Random(seed)) for seed in (1, 2))
    for cookies in (one, other):
        cookies.share(bytes(32))
    one.tick(midnight - 1)
    before = one.option(CLIENT, SOURCE)[4:]
    other.tick(midnight + 1)
    after = other.option(CLIENT, SOURCE)[4:]
    for cookies in (one, other):
        assert cookies.is_ours(before, SOURCE, wall=midnight + COOKIE_PAST_SECONDS - 2)
        assert cookies.is_ours(after, SOURCE, wall=midnight + 1)
    keys = {one._key_of(int(midnight) // COOKIE_KEY_SECONDS + day) for day in (-1, 0, 1)}
    assert len(keys) == 3


@pytest.mark.rfc("9018 §5")
def test_cookies_of_the_secret_before_a_reload_count_for_as_long_as_any() -> None:
    """No client is told BADCOOKIE for our reload; what is made with it later is not ours."""
    old, new = bytes(16), bytes(range(16))
    cookies = ServerCookies(random.Random(1), old)
    cookies.tick(WALL)
    before = cookies.option(CLIENT, SOURCE)[4:]
    cookies.keep_secret(new)
    assert cookies.is_ours(before, SOURCE, wall=WALL + COOKIE_PAST_SECONDS)
    assert not cookies.is_ours(before, SOURCE, wall=WALL + COOKIE_PAST_SECONDS + 1)
    assert cookies.is_ours(cookies.option(CLIENT, SOURCE)[4:], SOURCE, wall=WALL)
    thief = ServerCookies(random.Random(2), old)
    thief.tick(WALL + COOKIE_SECONDS)
    stolen = thief.option(CLIENT, SOURCE)[4:]
    assert not cookies.is_ours(stolen, SOURCE, wall=WALL + COOKIE_SECONDS)


@pytest.mark.rfc("7873 §5.2.4")
def test_after_a_roll_of_the_secret_an_old_cookie_is_no_cookie() -> None:
    """It is not held against its client, who is given a new one with the answer."""
    option = made().option(CLIENT, SOURCE)[4:]
    rolled = ServerCookies(random.Random(6))
    rolled.tick(WALL)
    assert not rolled.is_ours(option, SOURCE, wall=WALL)
    renewed = rolled.option(option[:8], SOURCE)[4:]
    assert rolled.is_ours(renewed, SOURCE, wall=WALL)


_QUERY = b"\0\1\1\0\0\1\0\0\0\0\0\1\7example\0\0\1\0\1"
_OPT = b"\0\0\x29\4\xd0\0\0\0\0"


def _asked(*options: tuple[int, bytes]) -> bytes:
    """A query with an OPT that holds *options*."""
    octets = b"".join(
        code.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value for code, value in options
    )
    return _QUERY + _OPT + len(octets).to_bytes(2, "big") + octets


@pytest.mark.rfc("7873 §4")
def test_a_cookie_is_found_by_its_code_wherever_it_stands() -> None:
    assert cookie_in(_asked((10, CLIENT))) == CLIENT
    assert cookie_in(_asked((3, b""), (12, bytes(5)), (10, CLIENT))) == CLIENT
    assert cookie_in(_asked((3, b""))) == b""
    assert cookie_in(_QUERY) == b""


@given(data=st.binary(max_size=60))
def test_cookie_in_untrusted(data: bytes) -> None:
    """Whatever comes: no exception, and nothing that is not in it."""
    for asked in (data, _QUERY + data, _QUERY + _OPT + data, _asked((10, CLIENT)) + data):
        assert cookie_in(asked) in asked


@pytest.mark.rfc("9018 §4.4")
def test_servers_that_share_a_secret_know_each_others_cookies() -> None:
    """The cookie of RFC 9018 appendix A.1, made anywhere."""
    secret = bytes.fromhex("e5e973e5a6b2a43f48e7dc849e37bfcf")
    client = bytes.fromhex("2464c4abcf10c957")
    source = bytes((198, 51, 100, 100))
    one, other = (ServerCookies(random.Random(seed), secret) for seed in (1, 2))
    one.tick(float(0x5CF79F11))
    option = one.option(client, source)
    assert option[12:].hex() == "010000005cf79f111f8130c3eee29480"
    assert other.is_ours(option[4:], source, wall=float(0x5CF79F11))
    assert not made().is_ours(option[4:], source, wall=float(0x5CF79F11))
