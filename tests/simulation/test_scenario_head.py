"""The configuration head of a scenario, and the configuration that it becomes."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import pytest

from tests.simulation.scenario_config import allowed, config_of, document_of
from tests.simulation.scenario_head import HeadReader
from tests.simulation.scenario_words import EPOCH

if TYPE_CHECKING:
    from pathlib import Path

    from tests.simulation.scenario_model import Head


def read(text: str) -> Head:
    reader = HeadReader()
    for line in text.splitlines():
        reader.line(line)
    return reader.finish()


def test_zones_of_the_head_are_tables_of_the_file(tmp_path: Path) -> None:
    head = read(
        'stub-zone:\n  name: "."\n  stub-addr: 193.0.14.129 # K\n'
        'stub-zone:\n  name: "sub.example."\n  stub-addr: 10.0.0.2@5353\n'
        'forward-zone: name: "example" forward-addr: 10.0.0.1 forward-first: yes\n'
    )
    document = document_of(head, tmp_path, minimise=True)
    assert head.root_addresses == ["193.0.14.129"]
    assert document["stub"] == [{"zone": "sub.example.", "addresses": ["10.0.0.2:5353"]}]
    assert document["forward"] == [{"zone": "example", "addresses": ["10.0.0.1"], "first": True}]
    assert config_of(head, tmp_path, minimise=True).forward[0].first


def test_of_zones_held_whole_those_that_are_verified_are_judged() -> None:
    text = "auth-zone:\n name: a.\n master: 192.0.2.1\n zonemd-check: yes\n zonefile:\n"
    head = read(f"{text}TEMPFILE_NAME a\nTEMPFILE_CONTENTS a\na. SOA\nTEMPFILE_END\nserver:\n")
    assert [(one.zone, one.addresses, one.settings["file"]) for one in head.copies] == [
        ("a.", ["192.0.2.1"], "a")
    ]
    assert (head.zones, head.needs, head.files["a"]) == ([], [], ["a. SOA"])
    assert read("auth-zone:\n name: a.\n master: ns.example.").needs == [
        "primaries by name",
        "authority zones",
    ]


def test_without_a_stub_address_the_root_is_the_shipped_one(tmp_path: Path) -> None:
    assert document_of(read(""), tmp_path, minimise=True)["root"]["hints_file"] == ""
    named = document_of(read("stub-addr: 192.0.2.1"), tmp_path, minimise=True)
    hints = (tmp_path / "root.hints").read_text()
    assert named["root"]["hints_file"] == str(tmp_path / "root.hints")
    assert "192.0.2.1" in hints


def test_before_the_first_clause_an_address_is_the_roots(tmp_path: Path) -> None:
    head = read("stub-addr: 193.0.14.129\nstub-name: rootns.\nforward-addr: 192.0.2.3")
    assert (head.root_addresses, head.root_name) == (["193.0.14.129"], "rootns.")
    assert document_of(head, tmp_path, minimise=True)["forward"] == [
        {"zone": ".", "addresses": ["192.0.2.3"]}
    ]


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ('server:\n local-zone: "a." inform', "local zones of type inform"),
        ('server:\n local-data-ptr: "192.0.2.1 a."', "local data"),
        ("server:\n access-control: 192.0.2.0/24 deny", "clients who are dropped"),
        ('server:\n module-config: "subnetcache validator iterator"', "the module subnetcache"),
        ("forward-zone:\n name: a.\n forward-host: ns.example", "forwarders by name"),
    ],
)
def test_what_is_not_built_is_said(text: str, feature: str) -> None:
    assert read(text).needs == [feature]


def test_what_is_over_is_told_where_the_file_says_so(tmp_path: Path) -> None:
    head = read(
        "server:\n serve-expired: yes\n serve-expired-ttl: 10\n serve-expired-reply-ttl: 123\n"
        " serve-expired-client-timeout: 1000"
    )
    document = document_of(head, tmp_path, minimise=True)
    keys = ("serve_stale", "stale_ttl", "stale_after")
    assert [document["resolution"][key] for key in keys] == [True, 123, 1.0]
    assert document["cache"] == {"stale_max": 10}


@pytest.mark.parametrize(
    "text",
    ["server:\n serve-expired: no", 'server:\n local-zone: test. nodefault\n prefetch: "no"'],
)
def test_what_is_off_needs_nothing(text: str) -> None:
    assert read(text).needs == []


@pytest.mark.parametrize(
    "text", ["server:\n do-ip7: no", "stub-zone:\n do-ip6: no", "view-zone:\n name: a"]
)
def test_a_word_that_does_not_belong_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="unknown directive"):
        read(text)


def test_files_that_the_head_carries_are_kept_as_they_are() -> None:
    head = read(
        "auth-zone:\n zonefile:\nTEMPFILE_NAME a\nTEMPFILE_CONTENTS a\n"
        '$ORIGIN a.\n; kept: it is a zone\'s\n@ TXT "#"\nTEMPFILE_END\nserver:\n do-ip6: no\n'
    )
    assert head.files == {"a": ["$ORIGIN a.", "; kept: it is a zone's", '@ TXT "#"']}
    assert head.settings == {"outgoing": {"ipv6": False}}


def test_without_the_validator_nothing_is_validated(tmp_path: Path) -> None:
    head = read('server:\n module-config: "iterator"\n trust-anchor: ". DS 1 8 2 00"')
    assert document_of(head, tmp_path, minimise=True)["dnssec"]["validate"] is False


def test_what_is_hidden_stays_hidden() -> None:
    head = read('server:\n hide-version: yes\n version: "1.2"\n hide-identity: no\n identity: "us"')
    assert head.settings["server"] == {"version": "", "identity": "us"}


def test_a_secret_for_cookies_starts_the_clock_at_zero() -> None:
    assert read('server:\n cookie-secret: "00"').wall == EPOCH
    assert read('server:\n val-override-date: "7"\n cookie-secret: "00"').wall == 7


def test_the_most_specific_word_says_who_may_ask() -> None:
    networks = [
        ipaddress.ip_network(text)
        for text in allowed([("10.1.0.0/16", "allow"), ("10.0.0.0/8", "refuse"), ("::1", "refuse")])
    ]

    def may_ask(client: str) -> bool:
        return any(ipaddress.ip_address(client) in network for network in networks)

    assert may_ask("192.0.2.1")
    assert may_ask("10.1.2.3")
    assert may_ask("::2")
    assert not may_ask("10.2.2.3")
    assert not may_ask("::1")
    assert allowed([]) == ["0.0.0.0/0", "::/0"]
