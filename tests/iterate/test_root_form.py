"""The root zone's file: what went in comes out, and whatever else lies there is a WireError."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.iterate.root_answers import reply_of
from resolver.iterate.root_form import RootForm, anchors_digest
from resolver.model import Question
from resolver.protocol import names
from resolver.protocol.codes import RRType
from tests.dnssec.signed_zones import DAY, WALL
from tests.dnssec.whole_root import SERIAL, anchor_of, packed, whole_root

if TYPE_CHECKING:
    from resolver.model import Name

ZONE = whole_root()
OCTETS = packed(ZONE)
FORM = RootForm.read_untrusted(OCTETS)


def test_what_is_packed_is_found() -> None:
    assert (FORM.serial, FORM.valid_until) == (SERIAL, WALL + 7 * DAY)
    assert FORM.anchors == anchors_digest(anchor_of(ZONE))
    for (owner, rtype), rdatas in ZONE.data.items():
        signed = ZONE.signed.get((owner, rtype))
        found = {rrset.rtype: rrset for rrset in FORM.glue(owner)}
        if rtype not in (RRType.A, RRType.AAAA):
            cut = FORM.cut(owner[1:-1])
            found = cut.by_type if cut is not None else FORM.apex
        assert found[rtype].rdatas == tuple(rdatas)
        assert found[rtype].owner == owner
        assert found[rtype].signatures == (signed.signatures if signed else ())


@pytest.mark.parametrize("label", [b"", b"aaa", b"con", b"comm", b"\xff", b"nic", b"zzz"])
def test_what_is_no_delegation_is_not_found(label: bytes) -> None:
    assert FORM.cut(label) is None


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("aaa.", "."),
        ("x.aaa.", "."),
        ("*.", "."),
        ("com.", "com."),
        ("coma.", "com."),
        ("com\\000.", "com."),
        ("zz.com.", "com."),
        ("a.b.nets.", "net."),
        ("zzz.", "org."),
    ],
)
def test_the_nsec_at_a_name_or_before_it(text: str, owner: str) -> None:
    """RFC 4034 §6.1: a delegation stands before all that is below it."""
    assert FORM.span(names.from_text(text)).owner == names.from_text(owner)


def test_a_file_cut_anywhere_is_refused() -> None:
    for size in range(len(OCTETS)):
        with pytest.raises(WireError):
            RootForm.read_untrusted(OCTETS[:size])


def test_a_file_with_any_octet_changed_is_refused() -> None:
    for index in range(len(OCTETS)):
        changed = bytearray(OCTETS)
        changed[index] ^= 0x10
        with pytest.raises(WireError):
            RootForm.read_untrusted(bytes(changed))


@given(st.binary(max_size=300))
def test_read_untrusted_of_any_octets(octets: bytes) -> None:
    """The magic and the digest are right, what they vouch for is anything."""
    file = b"rootcpy1" + hashlib.sha256(octets).digest() + octets
    for each in (octets, file):
        with pytest.raises(WireError):
            RootForm.read_untrusted(each)


QNAMES = st.sampled_from(["x.", "www.com.", "com.", ".", "ns.net.", "org.", "a.zz.", "0."])


@given(
    st.lists(st.tuples(st.integers(84, len(OCTETS) - 1), st.integers(0, 255)), max_size=40),
    QNAMES.map(names.from_text),
    st.sampled_from([RRType.A, RRType.DS, RRType.NS, RRType.TXT]),
)
def test_every_look_up_in_a_file_that_is_wrong_inside(
    changes: list[tuple[int, int]], qname: Name, qtype: int
) -> None:
    """Whatever it says: a reply or WireError. What is signed in it is not believed for that."""
    changed = bytearray(OCTETS)
    for at, octet in changes:
        changed[at] = octet
    changed[8:40] = hashlib.sha256(changed[40:]).digest()
    with contextlib.suppress(WireError):
        reply_of(RootForm.read_untrusted(bytes(changed)), Question(qname, qtype))
