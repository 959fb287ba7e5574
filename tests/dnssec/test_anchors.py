"""Where trust starts: text, IANA's files, negative anchors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dns.dnssec
import dns.name
import pytest

from resolver.dnssec.algorithms import ds_digest
from resolver.dnssec.anchors import (
    AnchorRecord,
    Anchors,
    builtin_root,
    parse_text,
)
from resolver.protocol import names
from resolver.protocol.codes import RRType
from tests.dnssec.data import FOLDER, MISSING, parsed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.rfc("RFC 9718")
def test_the_builtin_keys_and_digests_agree() -> None:
    """20326 and 38696, each as DNSKEY and as DS, and the digests are right."""
    anchor = builtin_root().by_name[names.ROOT]
    assert anchor.key_tags() == {20326, 38696}
    assert len(anchor.ds) == len(anchor.keys) == 2
    for ds, key in zip(anchor.ds, anchor.keys, strict=True):
        assert ds_digest(names.ROOT, key, ds[3]) == ds[4:]


@pytest.mark.parametrize(
    "text",
    [
        "example. IN DS 5 13 2 " + "ABCD" * 16,
        "example. DS 5 13 2" + " AB CD" * 16,
        "example. 3600 IN DS 5 ECDSAP256SHA256 2 (ab " + "cdab" * 15 + " cd) ; why",
        "example. IN 3600 DS 5 13 2 (\n" + " ab\n cd" * 16 + " )",
    ],
)
def test_spellings_of_one_anchor(text: str) -> None:
    expected = AnchorRecord(
        names.from_text("example."), RRType.DS, b"\0\5\x0d\2" + b"\xab\xcd" * 16
    )
    assert parse_text(f"; a comment\n\n{text}\n") == [expected]


@pytest.mark.parametrize(
    "text", ["example. IN A 192.0.2.1", "example. DS 5 13", "x. DNSKEY 257 3 8 A", "x. DS a b c d"]
)
def test_what_is_no_anchor_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"DS|DNSKEY"):
        parse_text(text)


@pytest.mark.skipif(not FOLDER.is_dir(), reason=MISSING)
def test_iana_files_agree_with_ours() -> None:
    folder: Path = FOLDER / "root"
    builtin = builtin_root().by_name[names.ROOT]
    assert {one.rdata for one in parse_text((folder / "root.ds").read_text())} == set(builtin.ds)
    assert {one.rdata for one in parse_text((folder / "root.key").read_text())} == set(builtin.keys)


@pytest.mark.rfc("RFC 7646 §2")
def test_the_closest_anchor_and_waiver_count() -> None:
    name = names.from_text
    records = [AnchorRecord(name(text), RRType.DS, b"\0\1\x0d\2x") for text in (".", "a.b.")]
    anchors = Anchors.of(records, [(name("b."), 100.0), (name("x.a.b."), 100.0)])
    closest = anchors.closest(name("www.a.b."))
    assert closest is not None
    assert closest.name == name("a.b.")
    assert anchors.waived(name("www.a.b."), 50.0) is None
    assert anchors.waived(name("www.x.a.b."), 50.0) == name("x.a.b.")
    assert anchors.waived(name("c.b."), 50.0) == name("b.")
    assert anchors.waived(name("c.b."), 101.0) is None


def test_dnspython_makes_the_same_digests() -> None:
    key = builtin_root().by_name[names.ROOT].keys[0]
    public = parsed(RRType.DNSKEY, key)
    for number, word in ((1, "SHA1"), (2, "SHA256"), (4, "SHA384")):
        policy = dns.dnssec.allow_all_policy
        made = dns.dnssec.make_ds(dns.name.root, public, word, policy=policy)
        assert ds_digest(names.ROOT, key, number) == made.digest


@pytest.mark.parametrize("digest", ["", "E06D", "E0" * 31])
def test_a_digest_that_was_cut_off_is_refused(digest: str) -> None:
    """SHA-256 has 32 octets: fewer would never match a key, and nothing would resolve."""
    with pytest.raises(ValueError, match="a digest of type 2 has 32 octets"):
        parse_text(f". IN DS 20326 8 2 {digest}")
