"""Replies kept as octets: what makes a cache hit a look-up and a copy (DESIGN rule 3).

A reply from here differs from the full path's in nothing but the id, the spelling of the name, the
TTLs (aged once a second) and the client's own options (COOKIE, edns-tcp-keepalive), which are added
last. The key is the lower-cased name, type and class, and a *variant*: a number for flags,
transport class, payload limit, policy tag and generation together. Flushing takes new numbers, so
that nothing old is ever found again; there is no reverse index.

`cache.front` is the way in for listeners. Deliberately not here: stale answers, truncation, any
judgement on the data.
RFC 1035 §4.1, 6891, 7828, 7873.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import msgspec

from resolver.cache.front import Front
from resolver.cache.packet_form import (
    CLIENT_COOKIE,
    COOKIE,
    HAS_OPT,
    HEADER,
    KEEPALIVE,
    QUESTION_TAIL,
    Form,
    Layout,
    is_truncated,
    name_end,
    read_form,
    read_layout,
)
from resolver.cache.shards import Shards
from resolver.limits import FRONT_FORMS, PACKET_CACHE_OCTETS, PACKET_TTL_SECONDS, UDP_PAYLOAD
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.clock import Clock

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
_LONGEST: Final = float(PACKET_TTL_SECONDS)
_OVERHEAD_OCTETS: Final = 440
_VARIANT = struct.Struct("!I")


class Cookies(Protocol):
    """Server cookies (`policy.cookies.ServerCookies`)."""

    def option(self, client_cookie: bytes, source: bytes) -> bytes:
        """The whole COOKIE option for a client cookie and a raw source address."""

    def tick(self, wall: float) -> None:
        """Called once a second, with Unix time."""


class Packet(msgspec.Struct, gc=False):
    """One rendered reply, cut in front of its name and behind its question."""

    head: bytes
    tail: bytes
    ttl_mask: int
    second: int  # when *tail* was last aged
    expires_at: float
    refresh_at: float
    room: int  # octets that options may add; -1: none may
    opt_octets: int
    is_hot: bool = False

    def octets(self) -> int:
        """Memory, key and bookkeeping included, by measurement."""
        return _OVERHEAD_OCTETS + len(self.tail)


class Known(NamedTuple):
    """A form of query that was judged fit. *octets* follow the name, its root label included."""

    suffix: bytes
    octets: int
    option: int
    limit: int
    has_opt: bool


class View:
    """What clients under one policy tag share on one kind of transport.

    *hot* are replies kept ready, octet for octet from behind the id, for the current second.
    """

    __slots__ = ("forms", "hot", "kind", "tag")

    def __init__(self, tag: int | None, kind: int) -> None:
        self.tag = tag
        self.kind = kind
        self.forms: dict[bytes, Known] = {}
        self.hot: dict[bytes | tuple[bytes, bytes], bytes] = {}


class PacketCache:
    """Rendered replies of all transports, bounded in octets.

    *cookies* is None where cookies are off. *keepalive_s* is what clients on TCP are told when they
    ask (RFC 7828).
    """

    def __init__(
        self,
        clock: Clock,
        *,
        max_octets: int = int(PACKET_CACHE_OCTETS),
        udp_payload: int = int(UDP_PAYLOAD),
        cookies: Cookies | None = None,
        keepalive_s: float = 0.0,
    ) -> None:
        self.clock = clock
        self.udp_payload = udp_payload
        self.cookies = cookies
        units = min(0xFFFF, int(keepalive_s * 10))
        self.keepalive_option = struct.pack("!HHH", KEEPALIVE, 2, units)
        self.shards: Shards[Packet] = Shards(max_octets)
        self.generation = 0
        self.stored = 0
        self._variants: dict[tuple[int, int, int, int | None], bytes] = {}
        self._views: dict[tuple[int | None, int], View] = {}
        self._next_variant = 0
        self._fronts: list[Front] = []

    def __repr__(self) -> str:
        return f"<PacketCache {len(self)} replies, generation {self.generation}>"

    def __len__(self) -> int:
        return len(self.shards)

    def flush(self) -> None:
        """Forget everything, in constant time: what is left in memory is never found again."""
        self.generation += 1
        self._variants.clear()
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
        lifetime = min(lifetime_s, layout.lowest_ttl, _LONGEST)
        if lifetime <= 0 or (form.option and not is_whole):
            return False
        now = self.clock.now()
        packet = Packet(
            reply[2:HEADER],
            reply[end + 1 + QUESTION_TAIL :],
            layout.ttl_mask,
            int(now),
            now + lifetime,
            now + refresh_after_s,
            form.limit - len(reply) if is_whole else -1,
            layout.opt_octets,
        )
        key = query[HEADER:end].lower() + form.suffix
        if view.hot:
            self._cool_if_hot(view, key)
        self.shards.put(key, packet)
        self.stored += 1
        return True

    def _cool_if_hot(self, view: View, key: bytes) -> None:
        """Better data shows at once: what is ready for this second goes if it is replaced."""
        shards, mask = self.shards.table
        packet = shards[hash(key) & mask].get(key)
        if packet is not None and packet.is_hot:
            view.hot.clear()

    def view(self, tag: int | None, transport: Transport) -> View:
        """What clients under *tag* on this kind of transport share."""
        kind = 0 if transport is Transport.UDP else _STREAM_CLASS[transport]
        view = self._views.get((tag, kind))
        if view is None:
            view = self._views[tag, kind] = View(tag, kind)
        return view

    def learn(self, view: View, shape: bytes) -> Known | None:
        """Judge a form of query not seen yet in *view*; None if it goes the long way."""
        if view.tag is None:
            return None
        form = read_form(shape, max_payload=self.udp_payload, is_stream=bool(view.kind))
        if form is None:
            return None
        if len(view.forms) >= int(FRONT_FORMS):
            view.forms.clear()
        suffix = self._suffix(form, view)
        has_opt = bool(form.flags & HAS_OPT)
        known = Known(suffix, form.octets + 1, form.option, form.limit, has_opt)
        view.forms[shape] = known
        return known

    def _suffix(self, form: Form, view: View) -> bytes:
        """What follows the name in the key: type, class and the number of the variant."""
        variant = (form.flags, form.limit, view.kind, view.tag)
        number = self._variants.get(variant)
        if number is None:
            self._next_variant += 1
            number = self._variants[variant] = _VARIANT.pack(self._next_variant)
        return form.tail + number

    def option_for(
        self, options: tuple[tuple[int, bytes], ...], source: bytes, transport: Transport
    ) -> bytes:
        """The options that only this client gets, as octets (those `dress` adds)."""
        added = b""
        for code, value in options:
            if code == COOKIE and not added and self.cookies is not None:
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
