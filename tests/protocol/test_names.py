"""Relations, order and text of names, held to dns.name."""

from __future__ import annotations

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.limits import CANONICAL_KEYS
from resolver.protocol import names

LABELS = st.binary(min_size=1, max_size=20).map(bytes.lower) | st.sampled_from(
    [b"com", b"\x03com", b"example", b"*", b"a"]
)
NAMES = st.lists(LABELS, max_size=6).map(lambda parts: names.from_labels(tuple(parts)))
# so that relations other than "none" are common
RELATED = st.tuples(NAMES, st.lists(LABELS, max_size=3)).map(
    lambda pair: (names.from_labels((*pair[1], *names.labels(pair[0]))), pair[0])
)
PAIRS = st.tuples(NAMES, NAMES) | RELATED | RELATED.map(lambda pair: pair[::-1])


def theirs(name: bytes) -> dns.name.Name:
    return dns.name.from_wire(name, 0)[0]


def wire_of(name: dns.name.Name) -> bytes:
    wire = name.to_wire()
    assert wire is not None
    return wire


@pytest.mark.rfc("RFC 4343 §3")
@given(PAIRS)
def test_relations_are_those_of_dns_name(pair: tuple[bytes, bytes]) -> None:
    first, second = pair
    assert names.is_subdomain(first, second) == theirs(first).is_subdomain(theirs(second))
    common = theirs(first).fullcompare(theirs(second))[2]
    assert names.count(names.common_ancestor(first, second)) == common - 1


@given(PAIRS)
def test_canonical_order_is_that_of_dns_name(pair: tuple[bytes, bytes]) -> None:
    """RFC 4034 §6.1."""
    first, second = pair
    assert (names.canonical_key(first) < names.canonical_key(second)) == (
        theirs(first) < theirs(second)
    )


def test_canonical_order_of_the_rfc() -> None:
    """The example of RFC 4034 §6.1."""
    ordered = [
        "example", "a.example", "yljkjljk.a.example", "Z.a.example", "zABC.a.EXAMPLE",
        "z.example", r"\001.z.example", "*.z.example", r"\200.z.example",
    ]  # fmt: skip
    wanted = [names.from_text(text) for text in ordered]
    assert sorted(wanted, key=names.canonical_key) == wanted


@given(NAMES)
def test_text_is_that_of_dns_name_and_comes_back(name: bytes) -> None:
    assert names.to_text(name) == theirs(name).to_text()
    assert names.from_text(names.to_text(name)) == name


@given(st.text(st.sampled_from('aA1-_.\\09*"é '), max_size=12))
def test_from_text_takes_what_dns_name_takes(text: str) -> None:
    """But for the empty text and IDNs: those are the caller's to settle."""
    try:
        wanted = wire_of(dns.name.from_text(text)).lower()
    except dns.exception.DNSException:
        wanted = None
    if text in ("", "@") or not text.isascii():
        wanted = None
    try:
        found = names.from_text(text)
    except ValueError:
        found = None
    assert found == wanted


@given(NAMES)
def test_parts_and_whole(name: bytes) -> None:
    parts = names.labels(name)
    assert names.from_labels(parts) == name
    assert names.count(name) == len(parts)
    above = list(names.ancestors(name))
    assert above[0] == name
    assert above[-1] == names.ROOT
    assert len(above) == len(parts) + 1
    assert [names.suffix(name, names.count(other)) for other in above] == above
    assert names.parent(name) == (above[1] if parts else names.ROOT)


def test_a_label_that_looks_like_a_suffix_is_not_one() -> None:
    r"""x\003com. ends in the octets of com., and is not below it."""
    assert not names.is_subdomain(b"\x05x\x03com\x00", b"\x03com\x00")
    assert not names.is_subdomain(
        names.from_text("evilexample.com"), names.from_text("example.com")
    )


def test_the_root_is_above_everything() -> None:
    name = names.from_text("www.example.com")
    assert names.is_subdomain(name, names.ROOT)
    assert not names.is_subdomain(names.ROOT, name)
    assert names.parent(names.ROOT) == names.ROOT
    assert names.labels(names.ROOT) == ()
    assert names.to_text(names.ROOT) == "."


@pytest.mark.parametrize(
    "text",
    ["", "..", ".com", "a..b", "a\\", "\\25", "\\256", "\\1x2.", "x" * 64, "é.com", "a." * 128],
)
def test_what_is_not_a_name_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        names.from_text(text)


@pytest.mark.rfc("RFC 1035 §2.3.4")
def test_names_have_at_most_255_octets() -> None:
    """RFC 1035 §2.3.4: 127 labels of one octet, and the root."""
    longest = names.from_text("a." * 127)
    assert len(longest) == 255
    with pytest.raises(ValueError, match="255"):
        names.prepend(b"a", longest)


@pytest.mark.rfc("RFC 6672 §2.2")
def test_replace_suffix_makes_the_name_a_dname_leads_to() -> None:
    """RFC 6672 §2.2."""
    made = names.replace_suffix(
        names.from_text("a.b.example.com"), names.from_text("example.com"), names.from_text("org")
    )
    assert made == names.from_text("a.b.org")


def test_wildcards_are_a_lone_asterisk() -> None:
    assert names.is_wildcard(names.from_text("*.example"))
    assert not names.is_wildcard(names.from_text("**.example"))
    assert not names.is_wildcard(names.from_text("a.*.example"))


@pytest.mark.reaches("CANONICAL_KEYS")
def test_sort_keys_do_not_fill_memory() -> None:
    for at in range(CANONICAL_KEYS + 10):
        names.canonical_key(b"\4%04x\0" % at)
    assert names.canonical_key.cache_info().currsize == CANONICAL_KEYS
