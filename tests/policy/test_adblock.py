"""AdGuard's syntax for DNS, rule by rule: the table in docs/policy.md names these tests."""

from __future__ import annotations

import pytest

from resolver.policy import adblock
from resolver.policy.list_rules import Aside, Bad, Reach, Rewrite, Rule, Terms, key_of, text_of
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRType
from tests.policy.list_making import blocks, lists_of

MAIL, WEB = names.from_text("mail.example."), names.from_text("web.example.")


def rule(text: str) -> Rule:
    return adblock.rule_of(text, 1)


def terms(text: str) -> Terms:
    found = rule(text).terms
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "name", "reach"),
    [
        ("||example.org^", "example.org", Reach.AND_BELOW),
        ("||example.org^|", "example.org", Reach.AND_BELOW),
        ("||example.org|", "example.org", Reach.AND_BELOW),
        ("|example.org^", "example.org", Reach.EXACT),
        ("|example.org|", "example.org", Reach.EXACT),
        ("||*.example.org^", "example.org", Reach.BELOW),
        ("*.example.org", "example.org", Reach.AND_BELOW),
        ("example.org", "example.org", Reach.AND_BELOW),
        ("||zip^", "zip", Reach.AND_BELOW),
        ("||EXAMPLE.org^", "example.org", Reach.AND_BELOW),
    ],
)
def test_a_pattern_that_is_a_name_is_looked_up_as_one(text: str, name: str, reach: int) -> None:
    found = rule(text)
    assert (text_of(found.key), found.reach, found.pattern) == (name, reach, "")


@pytest.mark.parametrize(
    ("text", "hits", "misses"),
    [
        ("||ads*.example.org^", "ads7.example.org x.ads.example.org",
         "bads.example.org ads.example.com"),
        ("||example.", "example.net www.example.co.uk", "badexample.net"),
        ("|ads.", "ads.example.net", "www.ads.example.net"),
        ("tracker^", "my.tracker a.bigtracker", "tracker.example"),
        ("ads.*.example", "ads.x.example bads.x.example.net", "ads.example"),
        ("||google.*^", "google.com www.google.co.uk", "google"),
        ("/^ads[0-9]+\\./", "ads1.example ADS22.example", "ads.example xads1.example"),
        ("/banner/", "mybanner.example banner", "bann.er"),
    ],
)  # fmt: skip
def test_patterns_are_held_against_the_whole_name(text: str, hits: str, misses: str) -> None:
    lists = lists_of(f"{text}\n")
    assert [name for name in hits.split() if not blocks(lists, f"{name}.")] == []
    assert [name for name in misses.split() if blocks(lists, f"{name}.")] == []


def test_exceptions_and_importance() -> None:
    assert (rule("@@||a.example^").allows, rule("@@||a.example^").is_important) == (True, False)
    assert rule("@@||a.example^$important").is_important
    assert rule("||a.example^$important").is_important


@pytest.mark.parametrize(
    ("text", "types", "not_types"),
    [
        ("dnstype=A", (RRType.A,), ()),
        ("dnstype=A|aaaa", (RRType.A, RRType.AAAA), ()),
        ("dnstype=~A|~CNAME", (), (RRType.A, RRType.CNAME)),
        ("dnstype=TYPE65", (RRType.HTTPS,), ()),
    ],
)
def test_types(text: str, types: tuple[int, ...], not_types: tuple[int, ...]) -> None:
    found = terms(f"||a.example^${text}")
    assert (found.types, found.not_types) == (types, not_types)


def test_names_that_are_left_out() -> None:
    found = terms("||example.org^$denyallow=good.example.org|bürger.example.org")
    assert found.except_below == (
        key_of("good.example.org").key, key_of("xn--brger-kva.example.org").key,
    )  # fmt: skip
    assert rule("*$denyallow=com|net").key == b""


@pytest.mark.parametrize(
    ("text", "clients", "not_clients"),
    [
        ("client=192.0.2.1", ("192.0.2.1/32",), ()),
        ("client=192.0.2.0/24|~192.0.2.7", ("192.0.2.0/24",), ("192.0.2.7/32",)),
        ("client=2001:db8::/32", ("2001:db8::/32",), ()),
        ("client=kids", ("kids",), ()),
        ("client='Frank\\'s laptop'", ("Frank's laptop",), ()),
        ('client="the den"', ("the den",), ()),
        ("client=~'Mary\\'s\\, John\\'s\\, and Boris\\'s laptops'", (),
         ("Mary's, John's, and Boris's laptops",)),
        ("client=~Mom|~Dad|Kids", ("Kids",), ("Mom", "Dad")),
    ],
)  # fmt: skip
def test_clients(text: str, clients: tuple[str, ...], not_clients: tuple[str, ...]) -> None:
    found = terms(f"||a.example^${text}")
    assert (found.clients, found.not_clients) == (clients, not_clients)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", Rewrite(0, RRType.A, bytes([192, 0, 2, 1]))),
        ("2001:db8::1", Rewrite(0, RRType.AAAA, bytes.fromhex("20010db8" + "0" * 23 + "1"))),
        ("other.example", Rewrite(0, RRType.CNAME, names.from_text("other.example."))),
        ("NXDOMAIN", Rewrite(Rcode.NXDOMAIN)),
        ("REFUSED", Rewrite(Rcode.REFUSED)),
        ("SERVFAIL", Rewrite(Rcode.SERVFAIL)),
        ("NOERROR", Rewrite(Rcode.NOERROR)),
        ("NOERROR;;", Rewrite(Rcode.NOERROR)),
        ("NXDOMAIN;;", Rewrite(Rcode.NXDOMAIN)),
        ("REFUSED;A;192.0.2.1", Rewrite(Rcode.REFUSED)),
        ("NOERROR;A;192.0.2.1", Rewrite(0, RRType.A, bytes([192, 0, 2, 1]))),
        ("NOERROR;TXT;hello", Rewrite(0, RRType.TXT, b"\5hello")),
        ("NOERROR;MX;10 mail.example.", Rewrite(0, RRType.MX, b"\0\12" + MAIL)),
        ("NOERROR;PTR;host.example", Rewrite(0, RRType.PTR, names.from_text("host.example."))),
        ("NOERROR;SRV;1 2 80 web.example.", Rewrite(0, RRType.SRV, b"\0\1\0\2\0\120" + WEB)),
        ("NOERROR;HTTPS;1 . alpn=h3", Rewrite(0, RRType.HTTPS, b"\0\1\0\0\1\0\3\2h3")),
    ],
)  # fmt: skip
def test_rewrites(text: str, expected: Rewrite) -> None:
    assert terms(f"||a.example^$dnsrewrite={text}").rewrite == expected


def test_an_exception_switches_rewrites_off() -> None:
    assert terms("@@||a.example^$dnsrewrite").rewrite == Rewrite(is_off=True)
    off = terms("@@||a.example^$dnsrewrite=192.0.2.1").rewrite
    assert off == Rewrite(0, RRType.A, bytes([192, 0, 2, 1]), is_off=True)


@pytest.mark.parametrize(
    "text",
    [
        "##.banner", "example.org##.ad", "example.org#@#.ad", "example.org#$#body {}",
        "||example.org/ads.js", "https://example.org/", "|https://example.org^", "/ads.js?",
        "||example.org^$third-party", "||example.org^$script,important",
        "||example.org^$ctag=device_tv",
        "||example.org^path", "||example.org:8080^",
    ],
)  # fmt: skip
def test_what_only_browsers_see_is_set_aside(text: str) -> None:
    with pytest.raises(Aside):
        rule(text)


@pytest.mark.parametrize(
    "text",
    [
        "||^", "|", "*", "@@", "||exa mple.org^", "||a..b^", f"||{'a' * 64}.example^", "word",
        "||a.example^$dnstype=NOTHING", "||a.example^$dnsrewrite=", "||a.example^$client=~",
        "||a.example^$dnsrewrite=NOPE;A;1.2.3.4", "||a.example^$dnsrewrite=NOERROR;A;::1",
        "||a.example^$dnsrewrite=NOERROR;SOA;x", "||a.example^$denyallow=*.x", "/(a+)+/", "/[/",
        "||%%%^", "||a.example^$client=", "||a.example^$denyallow=", "||a.example^$dnstype= ",
    ],
)  # fmt: skip
def test_nonsense_is_bad(text: str) -> None:
    with pytest.raises(Bad):
        rule(text)


@pytest.mark.parametrize("modifier", ["all", "document", "popup", "doc", "network"])
def test_modifiers_that_mean_a_whole_name_say_nothing(modifier: str) -> None:
    assert rule(f"||a.example^${modifier}") == rule("||a.example^")


def test_a_dollar_sign_in_a_regular_expression_is_no_modifier() -> None:
    found = rule("/^ads\\.example$/$important")
    assert (found.pattern, found.is_important) == ("^ads\\.example$", True)
    assert rule("/ads$/").pattern == "ads$"
