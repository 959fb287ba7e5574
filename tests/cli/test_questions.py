"""What words on a command line mean."""

from __future__ import annotations

import pytest

from resolver.cli import questions
from resolver.errors import ConfigError
from resolver.protocol import names
from resolver.protocol.codes import RRClass, RRType

A, MX, PTR, AAAA, TXT = RRType.A, RRType.MX, RRType.PTR, RRType.AAAA, RRType.TXT


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("example.com", [("example.com.", A)]),
        ("WWW.Example.COM. mx", [("www.example.com.", MX)]),
        ("MX example.com @::1 AAAA", [("example.com.", MX), ("example.com.", AAAA)]),
        ("a.b c.d A AAAA", [("a.b.", A), ("a.b.", AAAA), ("c.d.", A), ("c.d.", AAAA)]),
        ("example.com TYPE65 example.com", [("example.com.", RRType.HTTPS)]),
        ("example.com TLSA", [("example.com.", 52)]),
        ("example.com NSAP-PTR", [("example.com.", 23)]),
        (".", [(".", A)]),
        ("mx. mx", [("mx.", MX)]),
        ("localhost", [("localhost.", A)]),
        ("192.0.2.7", [("7.2.0.192.in-addr.arpa.", PTR)]),
        ("192.0.2.7 NS", [("7.2.0.192.in-addr.arpa.", RRType.NS)]),
        ("192.0.2.7.", [("192.0.2.7.", A)]),
        ("2001:db8::1", [("1" + ".0" * 23 + ".8.b.d.0.1.0.0.2.ip6.arpa.", PTR)]),
        ("https://me:x@www.example.com:8443/a?b#c", [("www.example.com.", A)]),
        ("http://[2001:db8::1]:80/", [("1" + ".0" * 23 + ".8.b.d.0.1.0.0.2.ip6.arpa.", PTR)]),
        ("https://192.0.2.7/", [("7.2.0.192.in-addr.arpa.", PTR)]),
        ("0/25.2.0.192.in-addr.arpa", [("0/25.2.0.192.in-addr.arpa.", A)]),
        ("bücher.example", [("xn--bcher-kva.example.", A)]),
        ("BÜCHER.example", [("xn--bcher-kva.example.", A)]),
        ("faß.example", [("xn--fa-hia.example.", A)]),
        ("例え。テスト", [("xn--r8jz45g.xn--zckzah.", A)]),
        (r"a\.b.example", [(r"a\.b.example.", A)]),
    ],
)
def test_words_stand_in_any_order(words: str, expected: list[tuple[str, int]]) -> None:
    asked = questions.read(words.split())
    assert [(names.to_text(one.qname), one.qtype) for one in asked.questions] == expected


def test_who_is_asked_stands_behind_an_at() -> None:
    assert questions.read(["a.b", "@[::1]:53"]).server == "[::1]:53"
    assert questions.read(["a.b"]).server == ""


def test_options_give_types_and_the_class() -> None:
    asked = questions.read(["version.bind"], types=["MX"], qclass="CH")
    assert asked.questions[0][1:] == (RRType.MX, RRClass.CH)


@pytest.mark.parametrize(
    ("words", "qclass", "expected"),
    [
        ("version.bind", "CH", ("version.bind.", TXT, RRClass.CH)),
        ("version.bind ch", None, ("version.bind.", TXT, RRClass.CH)),
        ("chaos txt version.bind", None, ("version.bind.", TXT, RRClass.CH)),
        ("CH version.bind A", None, ("version.bind.", A, RRClass.CH)),
        ("CH version.bind", "CH", ("version.bind.", TXT, RRClass.CH)),
        ("a.b HS", None, ("a.b.", A, RRClass.HS)),
        ("a.b IN MX", None, ("a.b.", MX, RRClass.IN)),
        ("in MX", None, ("in.", MX, RRClass.IN)),
        ("ch", None, ("ch.", A, RRClass.IN)),
        ("ch. CH", None, ("ch.", TXT, RRClass.CH)),
    ],
)
def test_a_class_is_a_word_beside_a_name(
    words: str, qclass: str | None, expected: tuple[str, int, int]
) -> None:
    """As dig has it; but India and Switzerland have names. Class CHAOS is asked for text."""
    asked = questions.read(words.split(), qclass=qclass)
    assert [(names.to_text(name), *rest) for name, *rest in asked.questions] == [expected]


@pytest.mark.parametrize(
    ("words", "qclass", "said"),
    [
        ("a.b CH HS", None, """'CH HS' is not allowed; expected one class, beside a name"""),
        ("in ch", None, 'as a name, "ch."'),
        ("a.b IN", "CH", "CLASS: 'IN' is not allowed; expected one class"),
        ("a.b +noall +answer", None, "'+noall' is not allowed; expected a domain name (options"),
    ],
)
def test_other_habits_of_dig_s_users_are_told(words: str, qclass: str | None, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        questions.read(words.split(), qclass=qclass)
    assert said in str(caught.value)


def test_one_question_has_no_class() -> None:
    """`trace` follows delegations, which other classes do not have."""
    with pytest.raises(ConfigError, match='only "resolver query" asks in others'):
        questions.one(["a.b", "CH"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "NAME: '(missing)' is not allowed; expected a domain name"),
        ("mx", 'the name is "mx."'),
        ("@::1", "NAME: '(missing)'"),
        ("a..b", "a domain name"),
        ("a.b AAAAA", "TYPE: 'AAAAA' is not allowed"),
        ("a.b @::1 @::2", "@SERVER: '@::2' is not allowed; expected one server"),
        ("http:///path", "a domain name"),
        (f"{'a' * 64}.example", "63 octets"),
        (f"{'ü' * 64}.example", "NAME: "),
    ],
)
def test_what_means_nothing_is_told(words: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        questions.read(words.split(" ") if words else [])
    assert said in str(caught.value)


def test_a_reverse_name_is_of_an_address() -> None:
    with pytest.raises(ConfigError, match="an address"):
        questions.read(["a.b"], reverse=True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("xn--bcher-kva.example.", "bücher.example."),
        ("example.", None),
        ("xn--a.example.", None),  # no Punycode: shown as it is
    ],
)
def test_international_names_are_shown_in_their_letters(name: str, expected: str | None) -> None:
    assert questions.unicode_text(names.from_text(name)) == expected
