"""Root hints: the shipped file, files of the operator, and what is said about bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.config import hints
from resolver.errors import ConfigError
from resolver.protocol import names
from tests import real_data

ROOT = Path(__file__).resolve().parents[2]
DATA = real_data.FOLDER


def test_shipped_hints_hold_thirteen_servers_with_two_addresses_each() -> None:
    servers = hints.load()
    assert len(servers) == 26
    assert len({name for name, _ in servers}) == 13
    assert servers[0] == (names.from_text("a.root-servers.net."), "198.41.0.4")


def test_shipped_hints_equal_the_published_ones() -> None:
    """The records are those of dns-root-data; only the comments are ours."""
    published = DATA / "root" / "root.hints"
    if not published.is_file():
        pytest.skip(f"no {published} (RESOLVER_TEST_DATA)")
    assert sorted(hints.load()) == sorted(hints.load(published))


def test_the_forms_that_hints_files_come_in_are_read() -> None:
    text = """\
; a comment
$TTL 518400
. IN NS k.root.test. ; the first
  3600 IN NS L.ROOT.TEST.
k.root.test. 3600 A 192.0.2.1
K.root.test 60 IN AAAA 2001:0db8::0001
l.root.test. A 192.0.2.2
stranger.test. A 192.0.2.3
"""
    first, second = names.from_text("k.root.test."), names.from_text("l.root.test.")
    assert hints.parse(text) == [
        (first, "192.0.2.1"),
        (first, "2001:db8::1"),
        (second, "192.0.2.2"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (". NS a.test.\n", "an NS record of the root with an address"),
        (". NS a.test.\na.test. A 2001:db8::1\n", "an IPv4 address after A"),
        (". NS a.test.\na.test. A here\n", "an address such as"),
        (". TXT a\n", "records of type NS, A and AAAA"),
        (". NS\n", "owner, TTL, type and one value"),
    ],
)
def test_a_bad_hints_file_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        hints.parse(text, source="my.hints")


def test_a_missing_hints_file_is_named() -> None:
    with pytest.raises(ConfigError, match=r"root\.hints_file.*nowhere"):
        hints.load("/nowhere/root.hints")
