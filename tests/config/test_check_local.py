"""What is wrong with local names: which key, which line, and which two."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from resolver.config import load
from resolver.config.implied import PRIVATE, implied
from resolver.config.schema import Config, Forward, Stub
from resolver.config.schema_local import Local, LocalZone

if TYPE_CHECKING:
    from pathlib import Path

VIEW = "[[view]]\nname = 'a'\nclients = ['10.0.0.0/8']\ntags = ['home', 'guests']\n"


def faults(text: str) -> list[str]:
    _, problems = load.interpret(tomllib.loads(text), "x.toml", text)
    return [str(problem) for problem in problems]


def zone(*keys: str) -> str:
    return "[[local.zone]]\n" + "\n".join(keys) + "\n"


def rewrite(old: str, new: str) -> str:
    return f"[[rewrite]]\nfrom = '{old}'\nto = '{new}'\n"


@pytest.mark.parametrize("new", ["*.x", "a.x", "y", "*.y"])
def test_what_a_rewritten_name_may_become(new: str) -> None:
    """Also a name that the rule is about: that one is left as it is."""
    assert faults(rewrite("*.x", new)) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("local.records = 'a. A nowhere'", "local.records: line 1: 'a. A nowhere' is not allowed"),
        ("local.hosts_files = ['/no/hosts']", "local.hosts_files: '/no/hosts' is not there"),
        ("local.hosts_files = ['/etc']", "(it is something else)"),
        ("local.domain = 'a..b'", 'a domain name such as "home.arpa"'),
        ("local.mode = 'deny'", '"transparent" or "typetransparent" or "static" or "redirect"'),
        ("local.tags = ['home']", "a tag that a [[view]] has"),
        ("local.private_reverse = 'router'", "an address such as"),
        ("local.private_reverse = '0.0.0.0'", "the address of one server"),
        (zone("zone = 'a..b'"), 'a domain name such as "home.arpa"'),
        (zone("zone = 'corp'", "mode = 'never'"), '"transparent" or'),
        (zone("zone = 'corp'", "tags = ['nobody']"), "a tag that a [[view]] has"),
        (zone("zone = 'corp'", "records = 'x.corp. A'"), "local.zone[0].records: line 1: "),
        (zone("zone = 'corp'", "records = 'x.lan. A 10.0.0.1'"), "names in corp; others go in"),
        (
            zone("zone = 'corp'") + zone("zone = 'CORP.'"),
            "a zone once for all; local.zone[0] has it",
        ),
        (
            VIEW + zone("zone = 'corp'", "tags = ['home', 'guests']")
            + zone("zone = 'corp'", "tags = ['guests']"),
            "a zone once for tag guests; local.zone[0] has it",
        ),
        (
            zone("zone = 'corp'", "mode = 'nodefault'", "records = 'corp. A 10.0.0.1'"),
            "its servers are asked",
        ),
        (rewrite("a..b", "x"), "rewrite[0].from: 'a..b' is not allowed; expected a name"),
        (rewrite("x", ""), "a label has 1 to 63 octets"),
        (rewrite("x", "*.y"), "one name, for x is one"),
        (rewrite("*.x", "*.y.x"), "names that are not below *.x again"),
        (rewrite("x", "y") + rewrite("X.", "z"), "names of its own; rewrite[0] has them"),
    ],
)  # fmt: skip
def test_a_contradiction_is_a_fault(text: str, said: str) -> None:
    found = faults(text)
    assert len(found) == 1, found
    assert said in found[0]


def test_a_zone_for_all_and_one_for_a_tag_are_two() -> None:
    assert faults(VIEW + zone("zone = 'c'") + zone("zone = 'c'", "tags = ['home']")) == []


def test_the_line_of_the_file_is_told() -> None:
    assert faults('[local]\nrecords = """\na. A 10.0.0.1\nb. A x\n"""')[0].startswith(
        "x.toml line 2"
    )


# --- what one key stands for ----------------------------------------------------------------------


def test_reverse_zones_of_private_networks_are_the_router_s(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text("local.private_reverse = '192.168.1.1'")
    config = load.load(file)
    assert [entry.zone for entry in config.forward] == list(PRIVATE)
    assert {entry.addresses for entry in config.forward} == {("192.168.1.1",)}
    assert not any(entry.validate for entry in config.forward)


def test_what_the_file_says_of_such_a_zone_itself_counts() -> None:
    own = (
        Forward(zone="10.in-addr.arpa.", addresses=("10.0.0.1",)),
        Forward(zone=".", addresses=("9.9.9.9",)),
    )
    config = Config(
        local=Local(private_reverse="192.168.1.1", zone=(LocalZone(zone="d.f.ip6.arpa"),)),
        forward=own,
        stub=(Stub(zone="168.192.in-addr.arpa", addresses=("10.0.0.2",)),),
    )
    zones = [entry.zone for entry in implied(config).forward]
    assert zones[:2] == ["10.in-addr.arpa.", "."]
    assert not {"10.in-addr.arpa", "168.192.in-addr.arpa", "d.f.ip6.arpa"} & set(zones)
    assert len(zones) == 2 + len(PRIVATE) - 3


def test_without_it_nothing_is_implied() -> None:
    assert implied(Config()) == Config()
