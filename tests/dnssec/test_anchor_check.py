"""Anchors that cannot be used are told, before a zone is taken for one that is validated."""

from __future__ import annotations

import pytest

from resolver.dnssec.algorithms import Sha1Policy
from resolver.dnssec.anchor_check import unusable
from resolver.dnssec.anchors import Anchors, builtin_root, parse_text

DIGEST = "AB" * 32
USABLE = f"example. DS 5 13 2 {DIGEST}"
KEY = "oJMRESz5E4gYzS/q6XDrvU1qMPYIjCWzJaOau8XNEZeqCYKD5ar0IRd8KqXXFJkqmVfRvMGPmM1x8fGAa2XhSA=="


def told(*lines: str, sha1: Sha1Policy = Sha1Policy.VALIDATE) -> list[str]:
    return [one.sentence for one in unusable(Anchors.of(parse_text("\n".join(lines))), sha1)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"example. DS 5 3 2 {DIGEST}", "DS 5: algorithm 3 is not supported"),
        (f"example. DS 5 12 2 {DIGEST}", "DS 5: algorithm 12 is not supported"),
        (f"example. DS 5 200 2 {DIGEST}", "DS 5: algorithm 200 is not supported"),
        (f"example. DS 5 13 3 {DIGEST}", "DS 5: digest type 3 is not supported"),
        (f"example. DS 5 13 99 {DIGEST}", "DS 5: digest type 99 is not supported"),
        (f"example. DNSKEY 257 3 3 {KEY}", "algorithm 3 is not supported"),
        (f"example. DNSKEY 385 3 13 {KEY}", "it is revoked"),
        (f"example. DNSKEY 1 3 13 {KEY}", "it is no zone key"),
        (f"example. DNSKEY 257 2 13 {KEY}", "it is no zone key"),
        ("example. DNSKEY 257 3 13 AAAA", "it is no key of algorithm 13"),
        ("example. DNSKEY 257 3 8 AA==", "it is no key of algorithm 8"),
    ],
)
def test_a_name_without_a_usable_anchor_is_told_with_the_reason(line: str, reason: str) -> None:
    (sentence,) = told(line)
    assert sentence.startswith("example. has no anchor that can be used: ")
    assert reason in sentence


@pytest.mark.rfc("RFC 6840 §5.11")
def test_one_usable_anchor_of_a_name_is_enough() -> None:
    assert told(f"example. DS 5 3 2 {DIGEST}", USABLE) == []


def test_each_name_needs_one() -> None:
    """The closest anchor decides: a usable one above does not help."""
    (sentence,) = told(USABLE, f"below.example. DS 5 3 2 {DIGEST}")
    assert sentence.startswith("below.example. ")


def test_sha1_counts_as_configured() -> None:
    line = f"example. DS 5 7 1 {'AB' * 20}"
    assert told(line) == []
    assert told(line, sha1=Sha1Policy.INSECURE)


def test_the_builtin_anchors_can_be_used() -> None:
    assert list(unusable(builtin_root(), Sha1Policy.INSECURE)) == []


@pytest.mark.parametrize(
    ("line", "is_broken"),
    [
        (f"example. DS 5 3 2 {DIGEST}", False),
        (f"example. DNSKEY 257 3 3 {KEY}", False),
        (f"example. DNSKEY 385 3 13 {KEY}", True),
        ("example. DNSKEY 257 3 13 AAAA", True),
    ],
)
def test_the_unknown_is_told_from_the_broken(line: str, is_broken: bool) -> None:  # noqa: FBT001
    """The first leaves a zone unsigned, the second bogus."""
    (found,) = unusable(Anchors.of(parse_text(line)), Sha1Policy.VALIDATE)
    assert found.is_broken is is_broken
