"""The zones that names in use need, and how near each is served."""

from __future__ import annotations

from resolver.drill.facts import Used
from resolver.drill.zones import Known, zone_rows
from resolver.protocol.codes import RRType
from tests.drill.facts import FAR, NEAR, answer, cut, index, name, root, without_glue

SERVERS = {
    NEAR: Known(3.0, is_near=True, prefix="192.0.2", word="local", instance="fra1", country="DE"),
    "192.0.2.2": Known(8.0, is_near=True, prefix="192.0.2", word="local"),
    FAR: Known(180.0, is_near=False, prefix="198.51.100", word="far"),
}


def test_a_zone_counts_with_all_use_below_it() -> None:
    known = index(
        root(NEAR, FAR), cut("aa.", FAR, "203.0.113.9"), cut("x.aa.", NEAR, "192.0.2.2"),
        answer("www.x.aa.", target=name("www.y.bb.")), cut("bb."), cut("y.bb.", FAR),
    )  # fmt: skip
    used = [Used(name("www.x.aa."), RRType.A, 3.0), Used(name("mx.y.bb."), RRType.MX, 1.0)]
    rows = zone_rows(known, used, SERVERS)
    assert [(row.zone, row.uses, row.standing) for row in rows] == [
        (".", 1.0, "one near"), ("bb.", 1.0, "not measured"), ("y.bb.", 1.0, "far"),
        ("aa.", 0.75, "far"), ("x.aa.", 0.75, "one near"),
    ]  # fmt: skip
    top, far, own = rows[0], rows[3], rows[4]
    assert (top.nearest_ms, top.farthest_ms, top.nearest_instance) == (3.0, 180.0, "fra1")
    assert (far.servers, far.measured, far.near) == (2, 1, 0)
    assert (own.servers, own.near, own.prefixes, own.instances) == (2, 1, 1, 1)
    assert own.countries == ["DE"]


def test_servers_whose_address_was_looked_up_count_too() -> None:
    known = index(
        root(FAR), without_glue("aa.", "ns.host.bb."), answer("ns.host.bb.", hosts=(NEAR,))
    )
    rows = zone_rows(known, [Used(name("www.aa."), RRType.A)], SERVERS)
    assert [(row.zone, row.near) for row in rows] == [(".", 0), ("aa.", 1)]
