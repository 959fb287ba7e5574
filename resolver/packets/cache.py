"""Replies kept as octets: what makes a cache hit a look-up and a copy.

A reply from here differs from the full path's in nothing but the id, the spelling of the name, the
TTLs (aged once a second) and the client's own options (COOKIE, edns-tcp-keepalive), which are added
last. The key is a query: that of a client which spells the name in lower case, has no option and
was the first to ask for such a reply (flags, payload limit), and the *mark* of its view: a number
for transport class, policy tag and generation together. Flushing takes new numbers, so that nothing
old is ever found again; there is no reverse index.

At a million packets the cost of a hit is waiting for memory. So a packet is one object with one
number of its own, the whole reply; all its other fields are shared with packets like it.

`packets.front` is the way in for listeners. Deliberately not here: stale answers, truncation, any
judgement on the data.
RFC 1035 §4.1, 6891, 7828, 7873.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import msgspec

from resolver.limits import FRONT_FORMS, PACKET_CACHE_OCTETS, PACKET_TTL_SECONDS, UDP_PAYLOAD
from resolver.packets.form import (
    CLIENT_COOKIE,
    COOKIE,
    HAS_OPT,
    HEADER,
    KEEPALIVE,
    Layout,
    is_truncated,
    key_parts,
    name_end,
    read_form,
    read_layout,
)
from resolver.packets.front import Front
from resolver.packets.shards import NEVER_HIT, PacketShards
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.runtime.clock import Clock

_STREAM_CLASS: Final = {
    Transport.UDP: 0,
    Transport.TCP: 1,
    Transport.TLS: 2,
    Transport.HTTPS: 2,
    Transport.QUIC: 2,
}
_COOKIE_OPTION_OCTETS: Final = 28
_KEEPALIVE_OPTION_OCTETS: Final = 6
_NEVER: Final = float("inf")
_SHARED_NUMBERS: Final = 8192
_MARK = struct.Struct("!I")


class Cookies(Protocol):
    """Server cookies (`policy.cookies.ServerCookies`)."""

    def option(self, client_cookie: bytes, source: bytes) -> bytes:
        """The whole COOKIE option for a client cookie and a raw source address."""

    def tick(self, wall: float) -> None:
        """Called once a second, with Unix time."""


class Anatomy(NamedTuple):
    """What replies of one layout and length have in common."""

    octets: int  # behind the id
    ttl_mask: int
    room: int  # octets that options may add; -1: none may
    opt_octets: int


_anatomy = lru_cache(maxsize=4096)(Anatomy)


class Packet(msgspec.Struct, gc=False):
    """One rendered reply, as the number that its octets behind the id make. Seconds are whole."""

    reply: int
    anatomy: Anatomy
    born: int
    due: int  # from here on it is not served: expired, or to be renewed
    expires: int
    hit: int = NEVER_HIT  # when it was last served

    def octets_at(self, second: int) -> bytes:
        """The reply from behind its id, TTLs lowered. They cannot fall below zero before *due*."""
        octets, ttl_mask, _, _ = self.anatomy
        age = second - self.born
        return (self.reply - age * ttl_mask if age > 0 else self.reply).to_bytes(octets, "big")

    def renew(self, second: int) -> None:
        """Called when it is *due*: it goes on until it expires, once somebody else was asked."""
        if self.expires > second:
            self.due = self.expires


class Known(NamedTuple):
    """A form of query that was judged fit. *octets* follow the name, its root label included.

    The key is *before*, the lower-cased name and *after*.
    """

    before: bytes
    after: bytes
    octets: int
    option: int
    limit: int
    has_opt: bool


class View:
    """What clients under one policy tag share on one kind of transport.

    *hot* are replies kept ready, octet for octet from behind the id, for the current second;
    *personal* those that hold a cookie, by query and raw source address.
    """

    __slots__ = ("forms", "hot", "kind", "mark", "payloads", "personal", "tag")

    def __init__(self, tag: int | None, kind: int, mark: bytes) -> None:
        self.tag = tag
        self.kind = kind
        self.mark = mark
        self.forms: dict[bytes, Known] = {}
        self.payloads: dict[tuple[int, int], int] = {}  # flags and limit → payload size in keys
        self.hot: dict[bytes, bytes] = {}
        self.personal: dict[tuple[bytes, bytes], bytes] = {}

    def cool(self) -> None:
        """Drop the replies kept ready."""
        if self.hot:
            self.hot.clear()
        if self.personal:
            self.personal.clear()


class PacketCache:
    """Rendered replies of all transports, bounded in octets.

    *cookies* is None where cookies are off. *keepalive_s* is what clients on TCP are told when they
    ask (RFC 7828).
    """

    def __init__(
        self,
        clock: Clock,
        *,
        max_octets: int = PACKET_CACHE_OCTETS,
        udp_payload: int = UDP_PAYLOAD,
        cookies: Cookies | None = None,
        keepalive_s: float = 0.0,
    ) -> None:
        self.clock = clock
        self.udp_payload = udp_payload
        self.cookies = cookies
        units = min(0xFFFF, int(keepalive_s * 10))
        self.keepalive_option = struct.pack("!HHH", KEEPALIVE, 2, units)
        self.shards = PacketShards(max_octets)
        self.generation = 0
        self.stored = 0
        self._views: dict[tuple[int | None, int], View] = {}
        self._next_mark = 0
        self._numbers: dict[int, int] = {}
        self._fronts: list[Front] = []

    def __repr__(self) -> str:
        return f"<PacketCache {len(self)} replies, generation {self.generation}>"

    def __len__(self) -> int:
        return len(self.shards)

    def flush(self) -> None:
        """Forget everything, in constant time: what is left in memory is never found again."""
        self.generation += 1
        self._views.clear()
        for front in self._fronts:
            front.forget()

    def front(
        self, transport: Transport, *, admit: Callable[[bytes], int | None] = lambda _: 0
    ) -> Front:
        """The way in for one transport. *admit* maps a raw source address to a policy tag.

        None from *admit* means that this client gets nothing from here. It is asked once per
        address and generation.
        """
        front = Front(self, transport, admit)
        self._fronts.append(front)
        return front

    def store(
        self,
        query: bytes,
        reply: bytes,
        *,
        transport: Transport,
        lifetime_s: float,
        refresh_after_s: float = _NEVER,
        tag: int = 0,
        is_whole: bool = True,
        qname: bytes = b"",
        layout: Layout | None = None,
    ) -> bool:
        """Keep *reply*, the full path's, as it is before `dress`. False if it cannot be kept.

        *lifetime_s* is the shortest signature's or policy's; the TTLs are looked at here. After
        *refresh_after_s* one hit is sent the long way, so that it may prefetch. *is_whole* is
        False where records were left out for want of room, if TC does not say so. *qname* as
        it was spelled and the reply's *layout* are taken from who knows them.
        """
        end = name_end(query, qname)
        if end < 0:
            return False
        view = self.view(tag, transport)
        shape = query[2:HEADER] + query[end + 1 : end + 20]
        form = view.forms.get(shape) or self.learn(view, shape)
        if form is None or len(query) != end + form.octets:
            return False
        layout = layout or read_layout(query, reply, end)
        if layout is None or (layout.opt_octets >= 0) != form.has_opt:
            return False
        is_whole = is_whole and not is_truncated(reply)
        lifetime = min(lifetime_s, layout.lowest_ttl, PACKET_TTL_SECONDS)
        if lifetime <= 0 or (form.option and not is_whole):
            return False
        now = self.clock.now()
        expires = self._shared(int(now + lifetime))
        packet = Packet(
            int.from_bytes(reply[2:], "big"),
            _anatomy(
                len(reply) - 2,
                layout.ttl_mask,
                form.limit - len(reply) if is_whole else -1,
                layout.opt_octets,
            ),
            self._shared(int(now)),
            self._shared(int(min(now + refresh_after_s, expires))),
            expires,
        )
        old = self.shards.put(form.before + query[HEADER:end].lower() + form.after, packet)
        if old is not None and old.hit == packet.born:
            view.cool()  # better data shows at once
        self.stored += 1
        return True

    def _shared(self, number: int) -> int:
        """One object for all equal numbers, so that a hit finds it near."""
        if len(self._numbers) >= _SHARED_NUMBERS:
            self._numbers.clear()
        return self._numbers.setdefault(number, number)

    def view(self, tag: int | None, transport: Transport) -> View:
        """What clients under *tag* on this kind of transport share."""
        kind = 0 if transport is Transport.UDP else _STREAM_CLASS[transport]
        view = self._views.get((tag, kind))
        if view is None:
            self._next_mark += 1
            view = self._views[tag, kind] = View(tag, kind, _MARK.pack(self._next_mark))
        return view

    def learn(self, view: View, shape: bytes) -> Known | None:
        """Judge a form of query not seen yet in *view*; None if it goes the long way."""
        if view.tag is None:
            return None
        form = read_form(shape, max_payload=self.udp_payload, is_stream=bool(view.kind))
        if form is None:
            return None
        if len(view.forms) >= FRONT_FORMS:
            view.forms.clear()
        variant = form.flags, form.limit
        if len(view.payloads) < FRONT_FORMS:
            view.payloads.setdefault(variant, form.payload)
        before, after = key_parts(form, view.payloads.get(variant, form.limit))
        has_opt = bool(form.flags & HAS_OPT)
        known = Known(before, after + view.mark, form.octets + 1, form.option, form.limit, has_opt)
        view.forms[shape] = known
        return known

    def option_for(
        self, options: tuple[tuple[int, bytes], ...], source: bytes, transport: Transport
    ) -> bytes:
        """The options that only this client gets, as octets (those `dress` adds)."""
        added = b""
        for code, value in options:
            if code == COOKIE and self.cookies is not None:
                if len(value) >= CLIENT_COOKIE:  # less is FORMERR, and no cookie to give back
                    added = self.cookies.option(value[:CLIENT_COOKIE], source)
                break
        is_keepalive = any(code == KEEPALIVE for code, _ in options)
        if is_keepalive and _STREAM_CLASS[transport]:
            added += self.keepalive_option
        return added

    def reserve(self, options: tuple[tuple[int, bytes], ...], transport: Transport) -> int:
        """Octets to leave free in the reply for what `dress` will add."""
        codes = {code for code, _ in options}
        octets = _COOKIE_OPTION_OCTETS if COOKIE in codes and self.cookies is not None else 0
        if KEEPALIVE in codes and _STREAM_CLASS[transport]:
            octets += _KEEPALIVE_OPTION_OCTETS
        return octets
