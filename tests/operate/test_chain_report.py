"""The chain of trust that `resolver trace` shows after the answer, on the lab's signed zones."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from resolver.cli.main import main

if TYPE_CHECKING:
    import pytest

KEY = r"key \d+ \(ECDSAP256SHA256\) of"
UNTIL = r"until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
DS = r"DS \d+ \(ECDSAP256SHA256, SHA256\)"


def chain(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """The lines below the heading, each with single spaces."""
    main(("trace", "--lab", *arguments))
    _, heading, lines = capsys.readouterr().out.partition("\n;; CHAIN OF TRUST\n")
    assert heading
    return [" ".join(line.split()) for line in lines.splitlines()]


def zone(apex: str, parent: str) -> list[str]:
    """What a signed delegation looks like: its DS in the parent, its keys."""
    return [
        rf"{apex} {DS}: signed by {KEY} {parent} {UNTIL}",
        rf"{apex} DNSKEY \d+: signed by {KEY} {apex} {UNTIL}",
    ]


ROOT = [rf"\. {DS}: trust anchor", rf"\. DNSKEY \d+: signed by {KEY} \. {UNTIL}"]
ORG = [*ROOT, *zone("org.", ".")]
SIGNED = [*ORG, *zone("signed.org.", "org.")]


def assert_matches(lines: list[str], patterns: list[str]) -> None:
    assert len(lines) == len(patterns), lines
    for line, pattern in zip(lines, patterns, strict=True):
        assert re.fullmatch(pattern, line), (line, pattern)


def test_a_secure_answer_hangs_from_the_anchor(capsys: pytest.CaptureFixture[str]) -> None:
    assert_matches(
        chain(capsys, "www.signed.org"),
        [
            *SIGNED,
            rf"www.signed.org. A: signed by {KEY} signed.org. {UNTIL}",
            r"www.signed.org. A \(answer\) is secure",
        ],
    )


def test_the_key_of_a_link_is_one_of_the_zone_above(capsys: pytest.CaptureFixture[str]) -> None:
    lines = chain(capsys, "www.signed.org")
    for at in range(0, 6, 2):
        vouched, keys = re.search(r"DS (\d+)", lines[at]), re.search(r"DNSKEY (\d+)", lines[at + 1])
        by, following = (re.search(r"by key (\d+)", lines[at + step]) for step in (1, 2))
        assert vouched
        assert keys
        assert by
        assert following
        assert vouched[1] == keys[1] == by[1] == following[1]


def test_a_denial_shows_its_proofs(capsys: pytest.CaptureFixture[str]) -> None:
    assert_matches(
        chain(capsys, "www.signed.org", "MX"),
        [
            *SIGNED,
            rf"signed.org. SOA: signed by {KEY} signed.org. {UNTIL}",
            rf"www.signed.org. NSEC to signed.org.: signed by {KEY} signed.org. {UNTIL}",
            r"www.signed.org. MX \(nodata\) is secure",
        ],
    )
    hashed = chain(capsys, "nope.hashed.org")
    assert sum(" NSEC3: signed by key" in line for line in hashed) == 2
    assert hashed[-1] == "nope.hashed.org. A (nxdomain) is secure"


def test_an_unsigned_delegation_shows_what_proves_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert_matches(
        chain(capsys, "www.noedns.org"),
        [
            *ORG,
            rf"noedns.org. NSEC to refused.org.: signed by {KEY} org. {UNTIL}",
            r"noedns.org. no DS, unsigned from here on",
            r"www.noedns.org. A \(answer\) is insecure",
        ],
    )


def test_a_bogus_answer_ends_in_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """Which RRset, which key, which server."""
    said = r"www.bogus.org. A is bogus: the signature over www.bogus.org. A by bogus.org. "
    bad = r"\(key tag \d+, algorithm 13\) is wrong \(from ns.bogus.org. 203.0.113.30\)"
    assert_matches(
        chain(capsys, "www.bogus.org"),
        [
            *ORG,
            *zone("bogus.org.", "org."),
            f"{said}{bad}",
        ],
    )


def test_each_alias_has_its_own_links(capsys: pytest.CaptureFixture[str]) -> None:
    lines = chain(capsys, "alias.signed.org")
    assert_matches(
        lines[6:],
        [
            rf"alias.signed.org. CNAME to www.example.com.: signed by {KEY} signed.org. {UNTIL}",
            r"alias.signed.org. A \(cname\) is secure",
            *zone("com.", "."),
            *zone("example.com.", "com."),
            rf"www.example.com. A: signed by {KEY} example.com. {UNTIL}",
            r"www.example.com. A \(answer\) is secure",
        ],
    )


def test_a_wildcard_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    lines = chain(capsys, "x.wild.example.com")
    (made,) = [line for line in lines if line.startswith("x.wild.example.com. A from")]
    assert " A from *.wild.example.com.: signed by key" in made


def test_the_chain_is_in_the_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    main(("trace", "--lab", "--json", "www.signed.org"))
    links = json.loads(capsys.readouterr().out)["chain"]
    assert [link["name"] for link in links[::2]] == [".", "org.", "signed.org.", "www.signed.org."]
    assert links[-1] == {"name": "www.signed.org.", "text": "A (answer) is secure"}
