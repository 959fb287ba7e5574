"""Replies kept as octets: what makes a cache hit a look-up and a copy.

A reply from here differs from the full path's in nothing but the id, the spelling of the name, the
TTLs (aged once a second) and the client's own options (COOKIE, edns-tcp-keepalive), which are added
last. The key is a query: that of a client which spells the name in lower case, has no option and
was the first to ask for such a reply (flags, payload limit), and a suffix: a number for transport
class, policy tag and generation together. Flushing takes new numbers, so that nothing old is ever
found again; there is no reverse index.

`packets.fast_path` is the way in for listeners. Deliberately not here: stale answers, truncation,
any verdict on the data.
RFC 1035 §4.1, 6891, 7828, 7873.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec

from resolver.limits import (
    PACKET_CACHE_OCTETS,
    PACKET_NUMBERS,
    PACKET_TTL_SECONDS,
    QUERY_SHAPES,
    UDP_PAYLOAD,
)
from resolver.packets.form import (
    HAS_OPT,
    HEADER,
    Kind,
    is_truncated,
    key_parts,
    layout_alone,
    read_form,
    read_layout,
)
from resolver.packets.outdated import is_outdated
from resolver.packets.packet import (
    BlockedPacket,
    ClientKey,
    KnownShape,
    Lasts,
    Packet,
    Tally,
    shared_layout,
)
from resolver.packets.shards import PacketShards
from resolver.protocol.transport import Transport
from resolver.protocol.wire import qname_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from collections.abc import Set as AbstractSet

    from resolver.model import Name, Question, RRset
    from resolver.packets.form import Layout
    from resolver.runtime.clock import Clock

_KINDS: Final = {
    Transport.UDP: Kind.UDP,
    Transport.TCP: Kind.TCP,
    Transport.TLS: Kind.TLS,
    Transport.HTTPS: Kind.WEB,
    Transport.QUIC: Kind.WEB,
    Transport.HTTP3: Kind.WEB,
}
_NEVER: Final = float("inf")
_SUFFIX = struct.Struct("!I")
_TAIL = struct.Struct("!HH")  # type and class, in a shape behind the header less its id
_TAIL_AT: Final = HEADER - 2


class PacketCache:
    """Rendered replies of all transports, bounded in octets."""

    COUNTS: ClassVar = {
        "stored": "Replies that were kept.",
        "blocked": "Of the hits, those that told that a name is blocked.",
    }

    def __init__(
        self,
        clock: Clock,
        *,
        max_octets: int = PACKET_CACHE_OCTETS,
        udp_payload: int = UDP_PAYLOAD,
    ) -> None:
        self.clock = clock
        self.udp_payload = udp_payload
        self.shards = PacketShards(max_octets)
        self.generation = 0
        self.stored = 0
        self._clients: dict[tuple[int | None, Kind], ClientKey] = {}
        self._next_suffix = 0
        self._numbers: dict[Any, Any] = {}  # an int has no identity where this is compiled
        self._refuses: Callable[[bytes, Packet], bool] | None = None
        self.told_blocked = Tally()

    def __repr__(self) -> str:
        return f"<PacketCache {len(self)} replies, generation {self.generation}>"

    def __len__(self) -> int:
        return len(self.shards)

    @property
    def blocked(self) -> int:
        return self.told_blocked.count

    def flush(self) -> None:
        """Forget everything, in constant time; the memory is given back as new replies come.

        Whoever looks packets up compares *generation* before each batch (`packets.fast_path`).
        """
        self.generation += 1
        self._refuses = None
        self._clients.clear()
        self.shards.retire()

    def purge(
        self, is_wrong: Callable[[Name], bool], types: AbstractSet[int] = frozenset()
    ) -> Iterator[int]:
        """Forget replies that tell of names that *is_wrong*, or are of *types*, some at each step,
        and keep none of them any more until `look_anew` or `flush`. Yields how many went."""

        def is_refused(key: bytes, packet: Packet) -> bool:
            return is_outdated(key, packet, is_wrong, types)

        self._refuses = is_refused
        return self.shards.purge(is_refused)

    def look_anew(self, *, tag: int | None = None) -> None:
        """What is kept stays right, but who may have it is asked again, and what is being found
        out at the moment is not kept: it is of what was in force before. *tag*: of replies under
        other policy tags nothing stays."""
        self.generation += 1
        self._refuses = None
        if tag is not None:
            kept = {key: client for key, client in self._clients.items() if key[0] == tag}
            self._clients = kept
        for client in self._clients.values():
            client.drop_copies()

    def forget(self, question: Question) -> None:
        """Have *question* asked the long way again, by whomever: something newer is known of it.

        Only replies to queries of a shape that is still known are found, which are nearly all.
        O(shapes), so not for each query.
        """
        name = question.qname[:-1]
        tail = _TAIL.pack(question.qtype, question.qclass)
        for client in self._clients.values():
            for shape, form in client.forms.items():
                if shape[_TAIL_AT : _TAIL_AT + _TAIL.size] == tail:
                    self.shards.drop(form.before + name + form.after)
            client.drop_copies()

    def kept(self, name: Name) -> dict[int, int]:
        """How many replies are kept for *name*, lower-cased, by type; as `forget` finds them."""
        found: dict[int, int] = {}
        shards, mask = self.shards.table
        for client in self._clients.values():
            keys = {
                form.before + name[:-1] + form.after: int.from_bytes(shape[_TAIL_AT:][:2], "big")
                for shape, form in client.forms.items()
            }
            for key, qtype in keys.items():
                if key in shards[hash(key) & mask]:
                    found[qtype] = found.get(qtype, 0) + 1
        return found

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
        alone: RRset | None = None,
        lasts: Lasts = Lasts.AS_DATA,
    ) -> bool:
        """Keep *reply*, the full path's, as it is before a client's own options are added.

        False if it cannot be kept. *lifetime_s* is the shortest signature's or policy's; the TTLs
        are looked at here, unless they stand still. After *refresh_after_s* one hit is sent the
        long way, so that it may prefetch. *is_whole* is False where records were left out for want
        of room, if TC does not say so. *qname* is the name as it was spelled, from who has read it;
        *alone* the one RRset that the reply holds, of the very name asked, from who knows that
        (`reply.render_alone`).
        """
        end = qname_end(query, qname)
        if end < 0:
            return False
        client = self.client_key(tag, transport)
        shape = query[2:HEADER] + query[end + 1 : end + 20]
        form = client.forms.get(shape) or self.learn(client, shape)
        if form is None or len(query) != end + form.octets:
            return False
        if alone is None:
            layout = read_layout(query, reply, end)
        else:
            layout = layout_alone(alone.rdatas, alone.ttl, len(reply) - end - 5)
        if layout is None or (layout.opt_octets >= 0) != form.has_opt:
            return False
        is_whole = is_whole and not is_truncated(reply)
        if lasts is Lasts.AS_POLICY_BLOCKED:
            layout = layout._replace(ttl_mask=0, lowest_ttl=PACKET_TTL_SECONDS)
        lifetime = min(lifetime_s, layout.lowest_ttl, PACKET_TTL_SECONDS)
        if lifetime <= 0 or (form.option and not is_whole):
            return False
        room = form.limit - len(reply) if is_whole else -1
        packet = self._packet(reply, layout, room, lifetime, refresh_after_s)
        if lasts is not Lasts.AS_DATA:
            packet = BlockedPacket(*msgspec.structs.astuple(packet), tally=self.told_blocked)
        key = form.before + query[HEADER:end].lower() + form.after
        if self._refuses is not None and self._refuses(key, packet):
            return False
        old = self.shards.put(key, packet)
        if old is not None and old.hit == packet.born:
            client.drop_copies()  # better data shows at once
        self.stored += 1
        return True

    def _packet(
        self, reply: bytes, layout: Layout, room: int, lifetime_s: float, refresh_after_s: float
    ) -> Packet:
        now = self.clock.now()
        ttl_mask, _, opt_octets = layout
        born, expires = int(now), int(now + lifetime_s)
        refresh = int(now + refresh_after_s) if refresh_after_s < lifetime_s else expires
        if len(self._numbers) >= PACKET_NUMBERS:
            self._numbers.clear()
        shared = self._numbers.setdefault  # one object for equal numbers: so a hit finds it near
        return Packet(
            int.from_bytes(reply[2:], "big"),
            shared_layout(len(reply) - 2, ttl_mask, room, opt_octets),
            shared(born, born),
            shared(refresh, refresh),
            shared(expires, expires),
        )

    def client_key(self, tag: int | None, transport: Transport) -> ClientKey:
        """What clients under *tag* on this kind of transport share."""
        kind = Kind.UDP if transport is Transport.UDP else _KINDS[transport]
        client = self._clients.get((tag, kind))
        if client is None:
            self._next_suffix += 1
            suffix = _SUFFIX.pack(self._next_suffix)
            client = self._clients[tag, kind] = ClientKey(tag, kind, suffix)
        return client

    def learn(self, client: ClientKey, shape: bytes) -> KnownShape | None:
        """Look at a form of query not seen yet of *client*; None if it goes the long way."""
        if client.tag is None:
            return None
        form = read_form(shape, max_payload=self.udp_payload, kind=client.kind)
        if form is None:
            return None
        if len(client.forms) >= QUERY_SHAPES:
            client.forms.clear()
        variant = form.flags, form.limit
        if len(client.payloads) < QUERY_SHAPES:
            client.payloads.setdefault(variant, form.payload)
        before, after = key_parts(form, client.payloads.get(variant, form.limit))
        has_opt = bool(form.flags & HAS_OPT)
        after += client.key_suffix
        known = KnownShape(before, after, form.octets + 1, form.option, form.limit, has_opt)
        client.forms[shape] = known
        return known
