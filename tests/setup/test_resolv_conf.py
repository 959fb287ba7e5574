"""What /etc/resolv.conf says once it is ours."""

from __future__ import annotations

from resolver.setup import resolv_conf
from resolver.setup.journal import is_ours


def test_programs_can_be_pointed_at_port_53_over_udp_alone() -> None:
    listens = [
        "192.0.2.1:53",
        "127.0.0.1:5300",
        "tls://127.0.0.1:853",
        "[::1]:53",
        "tcp://127.0.0.2:53",
    ]
    assert resolv_conf.askable(listens) == ["::1", "192.0.2.1"]


def test_any_address_is_loopback_to_this_machine_and_three_are_all() -> None:
    assert resolv_conf.askable(["0.0.0.0:53", "[::]:53"]) == ["127.0.0.1", "::1"]
    many = [f"192.0.2.{at}:53" for at in range(9)]
    assert len(resolv_conf.askable(many)) == 3


def test_names_are_completed_as_before_and_no_other_server_is_left() -> None:
    before = b"search old.example\nnameserver 192.0.2.9\noptions ndots:3\nsearch home.example\n"
    made = resolv_conf.ours(["127.0.0.1", "::1"], before)
    assert is_ours("resolv.conf", made)
    assert resolv_conf.servers_of(made.data) == ["127.0.0.1", "::1"]
    assert made.lines[1:] == [
        "nameserver 127.0.0.1", "nameserver ::1", "options edns0 trust-ad", "search home.example",
    ]  # fmt: skip
