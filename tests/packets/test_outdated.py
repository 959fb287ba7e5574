"""Ready replies where some zones are resolved in another way: the right ones go, and no others."""

from __future__ import annotations

import pytest

from resolver.model import Answer, Question, RRset, Status
from resolver.packets import shards
from resolver.packets.cache import PacketCache
from resolver.packets.fast_path import FastPath
from resolver.packets.options import ClientOptions
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.render import build_query
from resolver.protocol.transport import Transport
from resolver.protocol.wire import parse_untrusted
from resolver.reply import Shape, render
from tests.packets.test_cache import SOURCE, Hands
from tests.support import set_limit

ADDRESS = bytes([192, 0, 2, 1])
CORP = names.from_text("corp.example.")


def below_corp(name: bytes) -> bool:
    return names.is_subdomain(name, CORP)


class Kept:
    """A cache, and what is asked of it over UDP."""

    def __init__(self) -> None:
        self.packets = PacketCache(Hands())
        self.path = FastPath(self.packets, Transport.UDP, ClientOptions(keepalive_s=10))

    def put(self, name: str, *records: RRset, rtype: int = RRType.A) -> bool:
        """Keep a reply for *name*; without *records* a denial."""
        question = Question(names.from_text(name), rtype)
        soa = RRset(names.from_text("example."), RRType.SOA, 60, (b"\0\0" + bytes(20),))
        answer = Answer(
            question, 0, answer=records, authority=() if records else (soa,),
            status=Status.INSECURE,
        )  # fmt: skip
        data = self.query(name, rtype)
        reply = render(parse_untrusted(data), answer, Shape(1232))
        return self.packets.store(data, reply, transport=Transport.UDP, lifetime_s=60)

    def query(self, name: str, rtype: int = RRType.A) -> bytes:
        return build_query(id=7, qname=names.from_text(name), qtype=rtype, qclass=1)

    def has(self, name: str, rtype: int = RRType.A) -> bool:
        return self.path.begin()(self.query(name, rtype), SOURCE) is not None

    def forget(self) -> int:
        gone = sum(self.packets.purge(below_corp))
        self.packets.look_anew()
        return gone


def address(name: str) -> RRset:
    return RRset(names.from_text(name), RRType.A, 60, (ADDRESS,))


def alias(name: str, to: str) -> RRset:
    return RRset(names.from_text(name), RRType.CNAME, 60, (names.from_text(to),))


def test_names_at_and_below_go_and_all_others_stay() -> None:
    kept = Kept()
    gone = ["corp.example.", "a.corp.example.", "B.A.Corp.Example."]
    stays = ["example.", "notcorp.example.", "corp.example.net.", "x.example."]
    for name in (*gone, *stays):
        assert kept.put(name, address(name.lower()))
        assert kept.has(name)
    kept.put("nothing.example.")
    assert kept.forget() == len(gone)
    assert [name for name in gone if kept.has(name)] == []
    assert [name for name in (*stays, "nothing.example.") if not kept.has(name)] == []
    assert len(kept.packets) == len(stays) + 1


def test_what_an_alias_leads_to_is_not_followed_but_asked_for_once_more() -> None:
    kept = Kept()
    kept.put("www.example.", alias("www.example.", "a.corp.example."), address("a.corp.example."))
    kept.put("ftp.example.", alias("ftp.example.", "x.example."), address("x.example."))
    kept.put("cn.example.", alias("cn.example.", "a.corp.example."), rtype=RRType.CNAME)
    assert kept.forget() == 2
    assert not kept.has("www.example.")
    assert not kept.has("ftp.example.")
    assert kept.has("cn.example.", RRType.CNAME)  # which asked for the alias itself


def test_none_comes_back_before_the_other_way_is_in_force() -> None:
    """Nor from this second's copies, which hits take first."""
    kept = Kept()
    kept.put("a.corp.example.", address("a.corp.example."))
    assert kept.has("a.corp.example.")
    assert kept.has("a.corp.example.")  # a copy for this second
    purge = kept.packets.purge(below_corp)
    for _ in purge:
        assert not kept.put("a.corp.example.", address("a.corp.example."))
        assert kept.put("a.example.", address("a.example."))
    before = kept.packets.generation
    kept.packets.look_anew()
    assert kept.packets.generation == before + 1  # what is on its way is not kept either
    assert not kept.has("a.corp.example.")
    assert kept.put("a.corp.example.", address("a.corp.example."))
    assert kept.has("a.corp.example.")


def test_who_may_have_it_is_asked_again() -> None:
    kept = Kept()
    allowed = {SOURCE}
    kept.path = FastPath(
        kept.packets, Transport.UDP, ClientOptions(keepalive_s=10),
        admit=lambda source: 0 if source in allowed else None,
    )  # fmt: skip
    kept.put("x.example.", address("x.example."))
    assert kept.has("x.example.")
    allowed.clear()
    kept.packets.look_anew()
    assert not kept.has("x.example.")
    allowed.add(SOURCE)
    kept.packets.look_anew()
    assert kept.has("x.example.")


@pytest.mark.reaches("PACKET_PURGE")
def test_others_have_their_turn_between(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, shards, "PACKET_PURGE", 2)
    kept = Kept()
    for number in range(7):
        kept.put(f"h{number}.corp.example.", address(f"h{number}.corp.example."))
    steps = list(kept.packets.purge(below_corp))
    assert sum(steps) == 7
    assert len(steps) >= 4
    assert kept.packets.shards.octets == 0
