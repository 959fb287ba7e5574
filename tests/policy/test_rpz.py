"""What policy zones make of questions and answers: order, actions, what is never changed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from resolver.delegation import Delegation, Server
from resolver.limits import RPZ_TTL_SECONDS
from resolver.model import DROPPED, Answer, Ede, Query, RRset, Source, Status, View
from resolver.policy.onward import at_once, carried_on
from resolver.policy.path import PolicyPath
from resolver.policy.rpz import Live, Rpz, Rpzs, Terms, of_tags
from resolver.policy.rpz_actions import Manner, override_of
from resolver.protocol.codes import EdeCode, Flag, Rcode, RRType
from resolver.protocol.ip_addresses import address_octets
from resolver.protocol.message import Message
from resolver.protocol.transport import Client, Transport
from tests.making import name, question, rrset
from tests.policy.rpz_making import table_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.model import Name

CLIENT = "192.0.2.33"


def zone(text: str, override: str = "given", title: str = "rpz.test", **terms: object) -> Live:
    manner = Manner(EdeCode.BLOCKED, title)
    made = Terms(title, override_of(override), manner, **terms)  # type: ignore[arg-type]
    return Live(made, table_of(text))


def asked(
    text: str, *, client: str = CLIENT, over: Transport = Transport.UDP, flags: int = Flag.RD
) -> Query:
    message = Message.asking(question(text), flags)
    return Query(message, b"", Client(client, 5, over), address_octets(client))


def got(text: str, *records: str, rcode: int = 0, status: Status = Status.SECURE) -> Answer:
    """What resolution brought."""
    return Answer(
        question(text), rcode, tuple(map(rrset, records)), status=status, sources=(Source.NETWORK,)
    )


def no_cuts(_: Name) -> Iterable[Delegation]:
    return ()


def step(*zones: Live, cuts: object = no_cuts) -> Rpz:
    return Rpz(Rpzs(), zones, cuts)  # type: ignore[arg-type]


def told(answer: Answer | None) -> str:
    """In short: the rcode and ANSWER."""
    if answer is None:
        return "goes on"
    if answer is DROPPED:
        return "dropped"
    if answer.is_truncated:
        return "truncated"
    words = ["NXDOMAIN" if answer.rcode == Rcode.NXDOMAIN else f"{answer.rcode}"]
    for owner, rtype, ttl, rdatas, _ in answer.answer:
        words += [f"{owner!r} {rtype} {ttl} {one!r}" for one in rdatas]
    return " ".join(words)


ACTIONS = """nx CNAME .
nodata CNAME *.
pass CNAME rpz-passthru.
drop CNAME rpz-drop.
tcp CNAME rpz-tcp-only.
data 60 A 192.0.2.9
data 60 TXT "why"
garden CNAME walled.garden.
wild CNAME *.garden.
self CNAME self.
"""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("nx. A", "NXDOMAIN"), ("nodata. A", "0"), ("pass. A", "goes on"), ("drop. A", "dropped"),
        ("tcp. A", "truncated"), ("data. A", "0 b'\\x04data\\x00' 1 60 b'\\xc0\\x00\\x02\\t'"),
        ("data. AAAA", "0"), ("data. TXT", "0 b'\\x04data\\x00' 16 60 b'\\x03why'"),
        ("self. A", "goes on"), ("other. A", "goes on"),
        ("garden. CNAME", "0 b'\\x06garden\\x00' 5 300 b'\\x06walled\\x06garden\\x00'"),
        ("wild. CNAME", "0 b'\\x04wild\\x00' 5 300 b'\\x04wild\\x06garden\\x00'"),
    ],
)  # fmt: skip
def test_each_action_before_anybody_is_asked(text: str, wanted: str) -> None:
    assert told(step(zone("$TTL 300\n" + ACTIONS)).before(asked(text))) == wanted


def test_over_tcp_what_is_tcp_only_is_as_it_is() -> None:
    one = step(zone(ACTIONS))
    query, answer = asked("tcp. A", over=Transport.TCP), got("tcp. A", "tcp. 9 A 192.0.2.1")
    assert one.before(query) is None
    assert one.after(query, answer) is answer
    assert told(one.after(asked("tcp. A"), answer)) == "truncated"


@pytest.mark.parametrize("flags", [0, Flag.RD, Flag.RD | Flag.CD])
def test_it_counts_through_cd_and_without_rd(flags: int) -> None:
    assert told(step(zone(ACTIONS)).before(asked("nx. A", flags=flags))) == "NXDOMAIN"


def test_what_is_told_has_no_aa_and_no_ad_and_says_why() -> None:
    answer = step(zone(ACTIONS)).before(asked("data. A"))
    assert answer is not None
    assert (answer.is_authoritative, answer.status) == (False, Status.INSECURE)
    assert answer.ede == (Ede(EdeCode.BLOCKED, "rpz.test"), Ede(EdeCode.FORGED_ANSWER))
    denial = step(zone(ACTIONS)).before(asked("nx. A"))
    assert denial is not None
    assert denial.ede == (Ede(EdeCode.BLOCKED, "rpz.test"),)
    assert [one.rtype for one in denial.authority] == [RRType.SOA]


@pytest.mark.reaches("RPZ_TTL_SECONDS")
def test_nobody_keeps_it_for_long() -> None:
    text = f"x {RPZ_TTL_SECONDS + 1} A 192.0.2.9\ny {RPZ_TTL_SECONDS + 1} CNAME .\n"
    for owner in ("x. A", "y. A"):
        answer = step(zone(text)).before(asked(owner))
        assert answer is not None
        assert [one.ttl for one in (*answer.answer, *answer.authority)] == [RPZ_TTL_SECONDS]


@pytest.mark.parametrize(
    ("override", "wanted"),
    [
        ("given", "0 b'\\x01x\\x00' 1 300 b'\\xc0\\x00\\x02\\t'"), ("nxdomain", "NXDOMAIN"),
        ("nodata", "0"), ("passthru", "goes on"), ("drop", "dropped"), ("tcp-only", "truncated"),
        ("disabled", "goes on"), ("cname:y.", "0 b'\\x01x\\x00' 5 60 b'\\x01y\\x00'"),
    ],
)  # fmt: skip
def test_override_is_done_in_the_place_of_what_rules_say(override: str, wanted: str) -> None:
    assert told(step(zone("x A 192.0.2.9\n", override)).before(asked("x. A"))) == wanted


def test_a_disabled_zone_tells_and_the_next_one_decides() -> None:
    """PowerDNS #17005: what a zone leaves alone goes on to the next."""
    rpzs, first = Rpzs(), zone("x CNAME rpz-drop.\n", "disabled")
    one = Rpz(rpzs, (first, zone("x CNAME .\n")), no_cuts)
    assert told(one.before(asked("x. A"))) == "NXDOMAIN"
    assert (rpzs.matched, rpzs.disabled, first.matched) == (2, 1, {"disabled": 1})


ORDER = [
    "32.33.2.0.192.rpz-client-ip A 10.0.0.1", "www.example A 10.0.0.2",
    "*.example A 10.0.0.3", "32.1.0.0.198.rpz-ip A 10.0.0.4",
    "24.0.0.0.198.rpz-ip A 10.0.0.5", "ns.example.rpz-nsdname A 10.0.0.6",
    "*.example.rpz-nsdname A 10.0.0.7", "32.1.0.0.203.rpz-nsip A 10.0.0.8",
]  # fmt: skip


def cut(*servers: str, nameserver: str = "ns.example.", zone: str = "example.") -> Delegation:
    owner = name(nameserver)
    return Delegation(
        name(zone), (owner,), {owner: tuple(Server(one, nameserver=owner) for one in servers)}
    )


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_in_one_zone_the_kinds_count_in_their_order(first: int) -> None:
    """client-IP > QNAME > response-IP > NSDNAME > NSIP; the name over the wildcard."""
    one = step(zone("\n".join(ORDER[first:]) + "\n"), cuts=lambda _: [cut("203.0.0.1")])
    query = asked("www.example. A")
    answer = one.before(query) or one.after(
        query, got("www.example. A", "www.example. 9 A 198.0.0.1")
    )
    assert answer.answer[0].rdatas == (bytes((10, 0, 0, first + 1)),)


def test_a_zone_that_looks_at_answers_is_waited_for() -> None:
    """The order of the zones decides, not what can be known sooner."""
    first, second = zone("32.1.0.0.198.rpz-ip CNAME *.\n"), zone("www.example CNAME .\n")
    query, answer = asked("www.example. A"), got("www.example. A", "www.example. 9 A 198.0.0.1")
    assert step(first, second).before(query) is None
    assert told(step(first, second).after(query, answer)) == "0"
    assert told(step(second, first).before(query)) == "NXDOMAIN"
    dead = Answer(query.question, Rcode.SERVFAIL)
    assert told(step(first, second).after(query, dead)) == "NXDOMAIN"


def test_passthru_ends_the_search_for_all_of_the_answer() -> None:
    passes, blocks = (
        zone("www.example CNAME rpz-passthru.\n"),
        zone("* CNAME .\n32.1.0.0.198.rpz-ip CNAME .\n"),
    )
    one, query = step(passes, blocks), asked("www.example. A")
    answer = got(
        "www.example. A", "www.example. 9 CNAME cdn.example.", "cdn.example. 9 A 198.0.0.1"
    )
    assert one.before(query) is None
    assert one.after(query, answer) is answer
    assert told(one.before(asked("other. A"))) == "NXDOMAIN"


def test_an_address_in_an_answer() -> None:
    """The longest prefix; of equal ones that of the smallest address. It lasts no longer."""
    one = step(
        zone(
            "24.0.0.0.198.rpz-ip CNAME .\n32.9.0.0.198.rpz-ip CNAME *.\n32.8.0.0.198.rpz-ip CNAME rpz-drop.\n48.zz.db8.2001.rpz-ip CNAME .\n"  # noqa: E501
        )
    )
    query = asked("x. A")
    for addresses, wanted in (
        (["198.0.0.1"], "NXDOMAIN"), (["198.0.0.1", "198.0.0.9"], "0"),
        (["198.0.0.9", "198.0.0.8"], "dropped"), (["192.0.2.1"], "0 b'\\x01x\\x00' 1 9 b'\\xc0\\x00\\x02\\x01'"),  # noqa: E501
    ):  # fmt: skip
        records = RRset(name("x."), RRType.A, 9, tuple(map(address_octets, addresses)))
        answer = Answer(query.question, 0, (records,))
        assert told(one.after(query, answer)) == wanted
    answer = one.after(query, got("x. A", "x. 9 A 198.0.0.1"))
    assert answer.lifetime_s == 9
    six = got("x. AAAA", "x. 9 AAAA 2001:db8::1")
    assert told(one.after(asked("x. AAAA"), six)) == "NXDOMAIN"


def test_an_address_hint_is_an_address_in_an_answer() -> None:
    """A browser connects to the hints of HTTPS records without asking for A (RFC 9460 §7.3)."""
    one = step(zone("24.0.0.0.198.rpz-ip CNAME .\n48.zz.db8.2001.rpz-ip CNAME *.\n"))
    for service, wanted in (
        ("1 . alpn=h2 ipv4hint=192.0.2.1,198.0.0.1", "NXDOMAIN"),
        ("1 www.x. ipv6hint=2001:db8::9", "0"),
    ):
        query, answer = asked("x. HTTPS"), got("x. HTTPS", f"x. 9 HTTPS {service}")
        assert told(one.after(query, answer)) == wanted
    kept = got("x. HTTPS", "x. 9 HTTPS 1 . ipv4hint=192.0.2.1")
    assert one.after(asked("x. HTTPS"), kept) is kept


def test_a_name_server_by_its_name() -> None:
    """Of every cut that is known above the name but the root's; forwarders are none."""
    cuts = list[Delegation]()
    one = step(zone("*.evil.rpz-nsdname CNAME .\n"), cuts=lambda _: cuts)
    query, answer = asked("www.example. A"), got("www.example. A", "www.example. 9 A 198.0.0.1")
    cuts[:] = [cut(nameserver="ns.good."), cut(nameserver="a.evil.")]
    assert told(one.after(query, answer)) == "NXDOMAIN"
    cuts[:] = [cut(nameserver="ns.good.")]
    assert one.after(query, answer) is answer
    cuts[:] = [cut(nameserver="a.evil.")]
    cuts[0].is_forward = True
    assert one.after(query, answer) is answer


def test_a_name_server_by_its_address() -> None:
    cuts = list[Delegation]()
    one = step(zone("24.0.0.0.203.rpz-nsip CNAME .\n"), cuts=lambda _: cuts)
    query, answer = asked("www.example. A"), got("www.example. A", "www.example. 9 A 198.0.0.1")
    cuts[:] = [cut("192.0.2.1", "203.0.0.7")]
    assert told(one.after(query, answer)) == "NXDOMAIN"
    cuts[:] = [cut("192.0.2.1")]
    assert one.after(query, answer) is answer


def test_a_rule_for_what_an_alias_leads_to() -> None:
    """The aliases before it stay, with their signatures; what is behind is the rule's."""
    one = step(zone("cdn.example 60 A 10.0.0.1\ndead.example CNAME .\n"))
    query = asked("www.example. A")
    answer = got(
        "www.example. A", "www.example. 9 CNAME cdn.example.", "cdn.example. 9 A 198.0.0.1"
    )
    changed = one.after(query, answer)
    assert [(one.owner, one.rdatas[0]) for one in changed.answer] == [
        (name("www.example."), name("cdn.example.")), (name("cdn.example."), bytes((10, 0, 0, 1)))
    ]  # fmt: skip
    assert (changed.status, changed.lifetime_s) == (Status.INSECURE, 9)
    failed = Answer(
        query.question, Rcode.SERVFAIL, way=(rrset("www.example. 9 CNAME dead.example."),)
    )
    assert told(one.after(query, failed)).startswith("NXDOMAIN b'\\x03www")


def test_no_rule_makes_an_answer_of_what_failed_validation() -> None:
    """CVE-2026-50243. A question that policy answers before anybody is asked is another matter."""
    one = step(
        zone(
            "32.1.0.0.198.rpz-ip A 10.0.0.1\nwww.example A 10.0.0.1\n*.example.rpz-nsdname A 10.0.0.1\n"  # noqa: E501
        ),
        cuts=lambda _: [cut()],
    )
    query = asked("www.example. A")
    bogus = Answer(query.question, Rcode.SERVFAIL, ede=(Ede(EdeCode.DNSSEC_BOGUS),))
    assert one.after(query, bogus) is bogus
    judged = Answer(query.question, Rcode.SERVFAIL, status=Status.BOGUS)
    assert one.after(query, judged) is judged


def test_who_asks_has_packets_of_nobody_else() -> None:
    one = step(zone("24.0.2.0.192.rpz-client-ip CNAME rpz-passthru.\n"), zone("x CNAME .\n"))
    assert not one.admits(address_octets(CLIENT))
    assert not one.admits(bytes(10) + b"\xff\xff" + address_octets(CLIENT))
    assert one.admits(address_octets("192.0.3.1"))
    assert one.before(asked("x. A")) is None
    assert told(one.before(asked("x. A", client="192.0.3.1"))) == "NXDOMAIN"


def lead(one: Rpz, query: Query, answer: Answer, **brings: Answer) -> Answer:
    """Where *one* leads with *answer*, when resolution *brings* what it is asked for."""

    async def bring(sought: Query) -> Answer:
        return brings[sought.question.qname[1:2].decode()]

    resolved = Answer(query.question, Rcode.NOERROR)
    return at_once(carried_on(PolicyPath(View(), [one]), query, resolved, answer, bring))


def test_an_alias_of_a_rule_is_resolved_and_meets_the_rules_too() -> None:
    one = step(
        zone(
            "www.example CNAME a.\nold.example CNAME b.\nb CNAME .\n32.1.0.0.198.rpz-ip CNAME *.garden.\n"  # noqa: E501
        )
    )
    query = asked("www.example. A")
    alias = one.before(query)
    assert alias is not None
    whole = lead(one, query, alias, a=got("a. A", "a. 9 A 192.0.2.1"))
    assert [record.owner for record in whole.answer] == [name("www.example."), name("a.")]
    assert one.after(query, whole) is whole  # its own alias is no new match
    query = asked("old.example. A")
    alias = one.before(query)
    assert alias is not None
    assert told(lead(one, query, alias)).startswith("NXDOMAIN")
    query = asked("x. A")
    alias = one.after(query, got("x. A", "x. 9 A 198.0.0.1"))
    assert alias.onward == question("x.garden. A")


def test_a_rule_for_everything_can_lead_into_a_garden_that_it_covers() -> None:
    """Else its own target would be led there again, for ever."""
    for rule, target in (("* CNAME garden.", "garden."), ("* CNAME *.garden.", "x.garden.")):
        one = step(zone(rule + "\n"))
        query = asked("x. A")
        alias = one.before(query)
        assert alias is not None
        assert alias.onward == question(f"{target} A")
        assert one.before(asked(f"{target} A")) is None


def test_a_target_that_is_too_long_does_not_exist() -> None:
    long = ".".join(["x" * 60] * 3)
    one = step(zone(f"* CNAME *.{long}.\n"))
    assert told(one.before(asked(f"{'y' * 60}.{'y' * 60}. A"))) == "NXDOMAIN"


def test_zones_are_for_tags() -> None:
    zones = [zone("", title="all"), zone("", title="kids", tags=frozenset({"kids"}))]
    assert [one.terms.name for one in of_tags(zones, frozenset())] == ["all"]
    assert len(of_tags(zones, frozenset({"kids", "x"}))) == 2


def test_a_zone_without_a_table_says_nothing() -> None:
    live = zone("x CNAME .\n32.33.2.0.192.rpz-client-ip CNAME .\n")
    live.table = None
    one, answer = step(live), got("x. A", "x. 9 A 198.0.0.1")
    assert one.before(asked("x. A")) is None
    assert one.after(asked("x. A"), answer) is answer
    assert one.admits(address_octets(CLIENT))


def test_another_class_is_none_of_its_business() -> None:
    message = Message.asking(question("nx. A")._replace(qclass=3), Flag.RD)
    one, query = step(zone(ACTIONS)), Query(message)
    answer = Answer(query.question, 0)
    assert one.before(query) is None
    assert one.after(query, answer) is answer


def test_what_it_changes_is_logged_where_that_is_wanted(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever `log.level` is: that key asks for it."""
    logger = logging.getLogger("resolver")
    monkeypatch.setattr(logger, "handlers", [caplog.handler])
    caplog.set_level("WARNING", "resolver")
    step(zone(ACTIONS)).before(asked("nx. A"))
    assert caplog.messages == []
    step(zone(ACTIONS, logs=True)).before(asked("nx. A"))
    assert caplog.messages == ["policy zone rpz.test: nxdomain for nx., asked as nx.: qname nx."]
