"""Server cookies: a proof that the client receives at the address it sends from (RFC 7873).

Layout of RFC 9018 §4 (version 1, reserved, time stamp, 8 octets of hash); the hash is a keyed
BLAKE2s, which C computes in a third of a microsecond, where SipHash in Python would cost more than
all the rest of a cache hit. RFC 9018 asks for SipHash only where several servers share one secret:
with a secret of the operator's it is SipHash-2-4.
Our own key is another each COOKIE_KEY_SECONDS (RFC 7873 §7.1): it is made of the time stamp, so
that all workers change it in step and those of before are known for as long as they count. The
operator's secret of before a reload is known for as long, too (RFC 9018 §5).
A query is answered without a cookie as with one. Where rates are limited one that counts has more
of them, and who is over them without one is told BADCOOKIE (`listen.rate_limit`).
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from resolver.limits import (
    COOKIE_CLIENTS,
    COOKIE_FUTURE_SECONDS,
    COOKIE_KEY_SECONDS,
    COOKIE_PAST_SECONDS,
    COOKIE_SECONDS,
)
from resolver.policy.siphash import siphash24

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

COOKIE = 10
CLIENT_OCTETS = 8
SERVER_OCTETS = 16
OPTION_OCTETS = 4 + CLIENT_OCTETS + SERVER_OCTETS
_HEAD = COOKIE.to_bytes(2, "big") + (CLIENT_OCTETS + SERVER_OCTETS).to_bytes(2, "big")
_HEADER_OCTETS = 12
_QUESTION_TAIL = 5  # the root label, type and class
_QUESTION_AND_OPT = b"\0\1\0\0\0\0\0\1"
_OPT_OWNER_AND_TYPE = b"\0\0\x29"
_OPT_HEAD_OCTETS = 11
_VERSION_AND_RESERVED = b"\x01\0\0\0"
_SERVER_COOKIE_MIN = 8
_COOKIE_MAX = 40
_DAYS = 4  # today, and what cookies may be of besides


def is_malformed(option: bytes) -> bool:
    """A COOKIE option whose length RFC 7873 §5.2.2 answers with FORMERR."""
    return len(option) != CLIENT_OCTETS and not (
        CLIENT_OCTETS + _SERVER_COOKIE_MIN <= len(option) <= _COOKIE_MAX
    )


def cookie_in(data: bytes) -> bytes:
    """The COOKIE option of a query as it came, b"" without one. Never raises; O(octets).

    For queries of one question and no record but OPT, which is what asks.
    """
    at = data.find(0, _HEADER_OCTETS) + _QUESTION_TAIL
    if data[4:12] != _QUESTION_AND_OPT or data[at : at + 3] != _OPT_OWNER_AND_TYPE:
        return b""
    at += _OPT_HEAD_OCTETS
    while at + 4 <= len(data):
        code, length = (
            int.from_bytes(data[at : at + 2], "big"),
            int.from_bytes(data[at + 2 : at + 4], "big"),
        )
        at += 4 + length
        if code == COOKIE:
            return data[at - length : at]
    return b""


class ServerCookies:
    """Hands out cookies, remembers the latest by client, and knows its own again.

    *secret*: 16 octets that servers of one address share; without them one is drawn.
    """

    __slots__ = ("_before", "_key", "_keys", "_known", "_renewed_at", "_secret", "_stamp")

    def __init__(self, rng: Random, secret: bytes = b"") -> None:
        self._key = rng.randbytes(32)
        self._secret = secret
        self._before = secret, 0  # and the last time stamp with which it counts
        self._keys: dict[int, bytes] = {}
        self._known: dict[bytes, bytes] = {}
        self._stamp = b""
        self._renewed_at = float("-inf")

    def share(self, key: bytes) -> None:
        """Use *key*, 32 octets that all workers of one port have, in place of one's own."""
        self._key = key
        self._keys.clear()
        self._known.clear()

    def keep_secret(self, secret: bytes) -> None:
        """Make cookies with *secret*, 16 octets, from now on; b"" is our own key."""
        if secret != self._secret:
            self._before = self._secret, int.from_bytes(self._stamp, "big")
            self._secret = secret
            self._known.clear()

    def tick(self, wall: float) -> None:
        """Renew the time stamp when it has grown old. Cheap; call it once a second or so."""
        if not 0 <= wall - self._renewed_at < COOKIE_SECONDS:
            self._renewed_at = wall
            self._stamp = (int(wall) & 0xFFFF_FFFF).to_bytes(4, "big")
            self._known.clear()

    def option(self, client_cookie: bytes, source: bytes) -> bytes:
        """The whole COOKIE option, code and length included, for a client at raw *source*."""
        known = self._known.get(client_cookie + source)
        if known is None:
            made = self._cookie(client_cookie, source, self._stamp, self._secret)
            known = _HEAD + client_cookie + made
            if len(self._known) >= COOKIE_CLIENTS:
                self._known.clear()
            self._known[client_cookie + source] = known
        return known

    def is_ours(self, option: bytes, source: bytes, *, wall: float) -> bool:
        """True if *option* (without code and length) holds a server cookie that still counts."""
        if len(option) != CLIENT_OCTETS + SERVER_OCTETS:
            return False
        client, server = option[:CLIENT_OCTETS], option[CLIENT_OCTETS:]
        stamp = server[4:8]
        made_at = int.from_bytes(stamp, "big")
        if not -COOKIE_FUTURE_SECONDS <= int(wall) - made_at <= COOKIE_PAST_SECONDS:
            return False
        if hmac.compare_digest(server, self._cookie(client, source, stamp, self._secret)):
            return True
        secret, until = self._before
        return made_at <= until and hmac.compare_digest(
            server, self._cookie(client, source, stamp, secret)
        )

    def _cookie(self, client_cookie: bytes, source: bytes, stamp: bytes, secret: bytes) -> bytes:
        head = _VERSION_AND_RESERVED + stamp
        hashed = client_cookie + head + source
        if secret:
            return head + siphash24(secret, hashed)
        key = self._key_of(int.from_bytes(stamp, "big") // COOKIE_KEY_SECONDS)
        return head + hashlib.blake2s(hashed, key=key, digest_size=8).digest()

    def _key_of(self, day: int) -> bytes:
        """That of cookies whose time stamp is of *day*."""
        key = self._keys.get(day)
        if key is None:
            if len(self._keys) >= _DAYS:
                self._keys.clear()
            key = hashlib.blake2s(day.to_bytes(8, "big"), key=self._key).digest()
            self._keys[day] = key
        return key


class Proofs:
    """What cookies prove of queries as they came. *cookies*: None while they are off; *wall*: Unix
    time."""

    def __init__(
        self, cookies: Callable[[], ServerCookies | None], wall: Callable[[], float]
    ) -> None:
        self._cookies = cookies
        self._wall = wall

    def holds(self, data: bytes, source: bytes) -> bool:
        """Does the query *data* hold a server cookie of ours that counts?"""
        if _HEAD not in data:
            return False
        cookies = self._cookies()
        return cookies is not None and cookies.is_ours(cookie_in(data), source, wall=self._wall())

    def renewed(self, data: bytes, source: bytes) -> bytes:
        """A fresh COOKIE option, code and length included; b"" if *data* has none, or no good."""
        cookies, cookie = self._cookies(), cookie_in(data)
        if cookies is None or not cookie or is_malformed(cookie):
            return b""
        return cookies.option(cookie[:CLIENT_OCTETS], source)
