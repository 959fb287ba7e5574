"""A chain of aliases tells what its last name is."""

from __future__ import annotations

import pytest

from resolver.model import Link, Status, Verdict
from resolver.protocol.codes import Rcode
from resolver.recurse.alias_chain import AliasChain
from tests.making import name, question, rrset

WWW = question("www.example. A")
THERE = question("there.example. A")
ALIAS = rrset("www.example. 60 CNAME there.example.")
SOA = rrset("example. 60 SOA ns.example. root.example. 1 2 3 4 60")


@pytest.mark.rfc("RFC 6604 §2")
@pytest.mark.parametrize("rcode", [Rcode.NXDOMAIN, Rcode.NOERROR])
def test_the_rcode_is_the_last_names(rcode: int) -> None:
    verdict = Verdict.NXDOMAIN if rcode else Verdict.NODATA
    chain = AliasChain(WWW)
    alias = Link(
        WWW, name("example."), Verdict.CNAME, Rcode.NOERROR, (ALIAS,), status=Status.SECURE
    )
    assert chain.add(alias) == THERE.qname
    assert chain.add(Link(THERE, name("example."), verdict, rcode, (), (SOA,))) is None
    answer = chain.answer()
    assert (answer.rcode, answer.answer, answer.authority) == (rcode, (ALIAS,), (SOA,))
    assert answer.status is Status.UNCHECKED
