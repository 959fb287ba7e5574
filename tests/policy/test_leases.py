"""Lease files of dnsmasq and Kea, as these programs write them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.policy.hosts import BadLines
from resolver.policy.leases import Lease, read_leases_untrusted

V4, V6 = b"\xc0\xa8\1\x32", bytes.fromhex("fd00") + bytes(13) + b"\x32"
DNSMASQ = """\
1785003600 aa:bb:cc:dd:ee:ff 192.168.1.50 laptop 01:aa:bb:cc:dd:ee:ff
0 aa:bb:cc:dd:ee:00 192.168.1.51 printer *
1785003600 aa:bb:cc:dd:ee:01 192.168.1.52 * *
duid 00:01:00:01:2a:bb:cc:dd:aa:bb:cc:dd:ee:ff
1785003600 2863311530 fd00::32 laptop 00:01:00:01:2a
"""
KEA4 = """\
address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id
192.168.1.50,aa:bb:cc:dd:ee:ff,,3600,1785000000,1,0,0,old-name,0,,0
192.168.1.50,aa:bb:cc:dd:ee:ff,,3600,1785003600,1,0,0,laptop,0,,0
192.168.1.51,aa:bb:cc:dd:ee:00,,3600,1785003600,1,0,0,gone,2,,0
192.168.1.52,aa:bb:cc:dd:ee:01,,0,1785003600,1,0,0,released,0,,0
192.168.1.53,aa:bb:cc:dd:ee:02,,3600,1785003600,1,0,0,,0,,0
"""
KEA6 = """\
address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source,pool_id
fd00::32,00:01,3600,1785003600,1,1800,0,7,128,0,0,laptop.home.arpa.,,0,,,,0
"""
LAPTOP = Lease(V4, "laptop", 1_785_003_600.0)


def read(text: str) -> tuple[list[Lease], BadLines]:
    bad = BadLines()
    return read_leases_untrusted(text.encode(), bad), bad


def test_dnsmasq_s_file_is_understood() -> None:
    leases, bad = read(DNSMASQ)
    assert not bad
    assert leases == [
        LAPTOP,
        Lease(b"\xc0\xa8\1\x33", "printer", float("inf")),
        Lease(V6, "laptop", 1_785_003_600.0),
    ]


def test_kea_s_file_is_a_journal() -> None:
    """Later lines replace earlier ones; what was reclaimed or released is nobody's."""
    assert read(KEA4)[0] == [LAPTOP]
    assert read(KEA6)[0] == [Lease(V6, "laptop.home.arpa.", 1_785_003_600.0)]
    head = KEA4.splitlines(keepends=True)[0]
    assert read(KEA4 + head)[0] == [LAPTOP]


@pytest.mark.parametrize("wrap", [0, 1, 2, 3])
def test_kea_s_answer_is_understood_as_it_comes(wrap: int) -> None:
    lease = {
        "ip-address": "192.168.1.50", "hostname": "laptop", "state": 0, "cltt": 1785000000,
        "valid-lft": 3600,
    }  # fmt: skip
    gone = lease | {"state": 2}
    document: object = [lease, gone]
    if wrap:
        document = {"leases": document}
    if wrap > 1:
        document = {"result": 0, "arguments": document}
    if wrap > 2:
        document = [document]
    leases, bad = read(json.dumps(document))
    assert (leases, bad.count) == ([LAPTOP], 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1785003600 aa 192.168.1.50\n", "time, hardware address, address and name"),
        ("soon aa 192.168.1.50 laptop *\n", "a time in seconds"),
        ("1785003600 aa nowhere laptop *\n", "an address"),
        (KEA4.replace("192.168.1.53", "nowhere"), "a lease of Kea: an address"),
        (KEA4.replace("3600,1785003600,1,0,0,,", "3600,soon,1,0,0,,"), "a lease of Kea: a time"),
        ('{"leases": [', "JSON"),
        ("[7]", "a lease"),
        ('[{"ip-address": "nowhere"}]', "an address"),
    ],
)
def test_what_does_not_parse_is_counted(text: str, expected: str) -> None:
    _, bad = read(text)
    assert bad.count == 1
    assert bad.first[0].expected.startswith(expected)


@given(
    st.one_of(
        st.binary(),
        st.text(alphabet="[]{},:\"'0123456789abc. \n"),
        st.text().map(lambda text: KEA4 + text),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.floats(), st.text(), st.integers()),
            lambda inner: st.one_of(
                st.lists(inner),
                st.dictionaries(st.sampled_from(["arguments", "leases", "ip-address"]), inner),
            ),
        ).map(json.dumps),
    )
)
def test_read_leases_untrusted_never_raises(made: bytes | str) -> None:
    octets = made.encode("utf-8", "replace") if isinstance(made, str) else made
    for lease in read_leases_untrusted(octets, BadLines()):
        assert len(lease.address) in (4, 16)
