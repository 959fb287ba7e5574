"""The reader of replay scenarios, and its scripted servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dns.flags
import dns.message
import pytest

from resolver.lab.virtual_parts import as_delayed
from tests.simulation.scenario_match import Seen, mismatches
from tests.simulation.scenario_model import Scenario, ScenarioError
from tests.simulation.scenario_parse import parse, strip_comment
from tests.simulation.scenario_run import variants
from tests.simulation.scenario_servers import Stage

if TYPE_CHECKING:
    from pathlib import Path

STORY = """\
; a comment
do-ip6: no
stub-addr: 193.0.14.129   # K
trust-anchor: "example. DS 1 8 2 00"
val-override-date: "20070916134226"
CONFIG_END
SCENARIO_BEGIN a story
RANGE_BEGIN 1 10
    ADDRESS 193.0.14.129
ENTRY_BEGIN
MATCH opcode qtype qname TCP
ADJUST copy_id
REPLY QR AA
SECTION QUESTION
www.example. IN A
SECTION ANSWER
www.example. IN A 192.0.2.2
ENTRY_END
ENTRY_BEGIN
MATCH opcode subdomain
ADJUST copy_id copy_query
REPLY QR NXDOMAIN
SECTION QUESTION
example IN NS
SECTION AUTHORITY
example 60 IN TXT "a;b" ; comment
example IN NS ns.example.
ENTRY_END
RANGE_END
STEP 5 QUERY
ENTRY_BEGIN
REPLY RD DO
SECTION QUESTION
www.example. A
ENTRY_END
STEP 6 TIME_PASSES ELAPSE 5
STEP 7 CHECK_QUERIES <= 3
SCENARIO_END
"""


def story(tmp_path: Path, text: str = STORY) -> Scenario:
    path = tmp_path / "story.rpl"
    path.write_text(text)
    return parse(path)


def test_a_file_is_read_into_its_three_parts(tmp_path: Path) -> None:
    scenario = story(tmp_path)
    assert scenario.title == "a story"
    assert scenario.head.root_addresses == ["193.0.14.129"]
    assert scenario.head.trust_anchors == ["example. DS 1 8 2 00"]
    assert scenario.head.wall == 1189950146
    assert scenario.head.settings == {"outgoing": {"ipv6": False}}
    assert [step.kind for step in scenario.steps] == ["QUERY", "TIME_PASSES", "CHECK_QUERIES"]
    assert scenario.steps[1].elapse_s == 5
    text, nameservers = scenario.ranges[0].entries[1].sections["AUTHORITY"]
    assert text.to_text() == 'example. 60 IN TXT "a;b"'
    assert nameservers.ttl == 3600


@pytest.mark.parametrize(
    ("known", "unknown"),
    [
        ("MATCH opcode subdomain", "MATCH opcode submarine"),
        ("ADJUST copy_id", "ADJUST copy_it"),
        ("REPLY QR NXDOMAIN", "REPLY QR NXDOMAINE"),
        ("TIME_PASSES ELAPSE", "TIME_PASSES EVAL"),
        ("do-ip6: no", "do-ip7: no"),
        ("do-ip6: no", "do-ip6: perhaps"),
        ("SECTION AUTHORITY", "SECTION AUTHORITIES"),
        ("RANGE_END", "RANGE_FIN"),
        ("192.0.2.2", "192.0.2.256"),
    ],
)
def test_an_unknown_word_is_an_error(tmp_path: Path, known: str, unknown: str) -> None:
    assert known in STORY
    with pytest.raises(ScenarioError):
        story(tmp_path, STORY.replace(known, unknown, 1))


def test_a_semicolon_within_quotes_is_no_comment() -> None:
    assert strip_comment('a TXT "x;y" ; z') == 'a TXT "x;y"'


def ask(stage: Stage, name: str, *, transport: str = "udp") -> dns.message.Message | None:
    query = dns.message.make_query(name, "A", want_dnssec=True)
    answer = stage.server("193.0.14.129").answer(query.to_wire(), transport, "192.0.2.53")
    if answer is None:
        return None
    [reply] = as_delayed(answer)
    message = dns.message.from_wire(reply.data)
    assert message.id == query.id
    return message


def test_the_first_entry_that_matches_answers(tmp_path: Path) -> None:
    stage = Stage(story(tmp_path), fill=False)
    stage.step = 5
    over_udp, over_tcp = ask(stage, "www.example"), ask(stage, "WWW.example", transport="tcp")
    assert over_udp is not None
    assert over_tcp is not None
    assert over_udp.rcode() == 3
    assert over_tcp.rcode() == 0
    assert over_tcp.question[0].name.labels[0] == b"WWW"
    assert over_tcp.ednsflags & dns.flags.DO
    assert stage.unscripted == []


def test_a_range_outside_its_steps_says_nothing(tmp_path: Path) -> None:
    stage = Stage(story(tmp_path), fill=False)
    for step in (None, 11):
        stage.step = step
        assert ask(stage, "www.example") is None
    assert len(stage.unscripted) == 2


def test_fill_answers_for_nameservers_of_the_file_only(tmp_path: Path) -> None:
    stage = Stage(story(tmp_path), fill=True)
    stage.step = 11
    filled = ask(stage, "ns.example")
    assert filled is not None
    assert filled.answer == []
    assert ask(stage, "www.example") is None


def test_sections_are_compared_as_sets_without_case_or_ttl(tmp_path: Path) -> None:
    entry = story(tmp_path).ranges[0].entries[1]
    message = dns.message.from_text(
        "id 1\nopcode QUERY\nrcode NXDOMAIN\nflags QR\n;QUESTION\nx.example. IN A\n"
        ';AUTHORITY\nEXAMPLE. 1 IN NS NS.example.\nexample. 1 IN TXT "a;b"\n'
    )
    entry.match = {"authority", "rcode", "flags", "subdomain"}
    assert mismatches(entry, Seen(message, "udp")) == []
    entry.match.add("ttl")
    assert [one.field for one in mismatches(entry, Seen(message, "udp"))] == ["authority"]


def test_a_file_that_states_no_minimisation_runs_both_ways(tmp_path: Path) -> None:
    assert [variant.minimise for variant in variants(story(tmp_path))] == [False, True]
    stated = story(tmp_path, "query-minimization: off\n" + STORY)
    assert [variant.minimise for variant in variants(stated, minimise="on")] == [False]
