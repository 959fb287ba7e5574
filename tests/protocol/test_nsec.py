"""What an NSEC bitmap says of a type."""

from __future__ import annotations

import pytest

from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.nsec import Span, has_no_name, lacks

ALIAS = frozenset({RRType.CNAME, RRType.RRSIG, RRType.NSEC})


@pytest.mark.rfc("RFC 6840 §4.3")
def test_an_alias_denies_nothing_but_itself() -> None:
    """A NODATA for a name with a CNAME would hide the alias."""
    assert not lacks(ALIAS, RRType.A, is_root=False)


@pytest.mark.rfc("RFC 4035 §2.5")
@pytest.mark.parametrize("rtype", [RRType.NSEC, RRType.RRSIG])
def test_what_lives_beside_an_alias_can_be_denied(rtype: int) -> None:
    assert lacks(frozenset({RRType.CNAME}), rtype, is_root=False)
    assert not lacks(ALIAS, rtype, is_root=False)


@pytest.mark.rfc("RFC 6840 §4.1; RFC 6672 §5.3.4.1")
@pytest.mark.parametrize("rtype", [RRType.NS, RRType.DNAME])
def test_a_cut_says_nothing_of_what_is_below(rtype: int) -> None:
    zone, owner = names.from_text("example."), names.from_text("cut.example.")
    span = Span(zone, owner, names.from_text("dut.example."), frozenset({rtype}))
    assert not span.covers(names.from_text("www.cut.example."))
    assert span.covers(names.from_text("cuu.example."))


@pytest.mark.rfc("RFC 9824")
def test_nxname_says_that_the_name_is_not_there() -> None:
    """Compact denial: an NSEC at the very name, which without NXNAME is an empty one."""
    zone, owner = names.from_text("example."), names.from_text("gone.example.")
    bitmap = frozenset({RRType.RRSIG, RRType.NSEC})
    following = names.from_text("\\000.gone.example.")
    assert has_no_name([Span(zone, owner, following, bitmap | {RRType.NXNAME})], owner)
    assert not has_no_name([Span(zone, owner, following, bitmap)], owner)
