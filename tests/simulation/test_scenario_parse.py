"""Constructs of replay scenarios that the feature files use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dns.edns
import dns.flags
import dns.message
import pytest

from resolver.lab.virtual_parts import as_delayed
from tests.simulation.scenario_match import Seen, mismatches
from tests.simulation.scenario_parse import parse
from tests.simulation.scenario_run import Variant, is_dropped, play
from tests.simulation.scenario_servers import Stage, query_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.simulation.scenario_model import Scenario

HEAD = "server:\nforward-zone: name: . forward-addr: 192.0.2.1\nCONFIG_END\nSCENARIO_BEGIN s\n"
ASK = """\
STEP 1 QUERY{where}
ENTRY_BEGIN
REPLY RD
SECTION QUESTION
a.example. IN A
SECTION ADDITIONAL
{more}ENTRY_END
"""
REPLY = """\
ENTRY_BEGIN
MATCH opcode qtype qname
ADJUST copy_id
REPLY QR RA NOERROR
SECTION QUESTION
a.example. IN A
SECTION ANSWER
a.example. IN A 192.0.2.7
SECTION ADDITIONAL
{more}ENTRY_END
"""
SERVER = "RANGE_BEGIN 0 9\nADDRESS 192.0.2.1\n" + REPLY + "RANGE_END\n"
CHECK = """\
STEP 9 CHECK_ANSWER
ENTRY_BEGIN
MATCH all
REPLY QR RD RA NOERROR
SECTION QUESTION
a.example. IN A
SECTION ANSWER
a.example. IN A 192.0.2.7
SECTION AUTHORITY
{more}ENTRY_END
"""
OPTIONS = "HEX_EDNSDATA_BEGIN\n00 03 ; NSID\n00 02 {data}\nHEX_EDNSDATA_END\n"


def story(tmp_path: Path, *parts: str, head: str = HEAD) -> Scenario:
    path = tmp_path / "story.rpl"
    path.write_text(head + "".join(part.format(where="", more="") for part in parts))
    return parse(path)


def failure(scenario: Scenario) -> str:
    result = play(scenario, Variant(minimise=False))
    return result.failure or "; ".join(result.unscripted)


def test_a_range_without_address_is_every_servers(tmp_path: Path) -> None:
    anywhere = SERVER.replace("ADDRESS 192.0.2.1\n", "")
    assert failure(story(tmp_path, anywhere, ASK, CHECK)) == ""


def test_a_mandatory_entry_must_have_answered(tmp_path: Path) -> None:
    unasked = SERVER.replace("a.example", "b.example").replace("ADJUST", "MANDATORY\nADJUST")
    assert failure(story(tmp_path, SERVER.replace("MATCH", "MANDATORY\nMATCH"), ASK, CHECK)) == ""
    assert "MANDATORY" in failure(story(tmp_path, SERVER, unasked, ASK, CHECK))


def test_an_id_that_the_file_leaves_alone_is_not_copied(tmp_path: Path) -> None:
    plain = SERVER.replace("ADJUST copy_id\n", "ADJUST copy_query\n")
    assert "NOERROR, got SERVFAIL" in failure(story(tmp_path, plain, ASK, CHECK))


def test_a_client_may_ask_from_an_address_of_its_own(tmp_path: Path) -> None:
    ask = ASK.replace("{where}", " ADDRESS 198.51.100.9")
    assert failure(story(tmp_path, SERVER, ask, CHECK)) == ""
    refused = HEAD.replace("server:", "server:\naccess-control: 198.51.100.0/24 refuse")
    assert "REFUSED" in failure(story(tmp_path, SERVER, ask, CHECK, head=refused))
    assert failure(story(tmp_path, SERVER, ASK, CHECK, head=refused)) == ""


def test_options_of_a_query_are_sent_as_they_stand(tmp_path: Path) -> None:
    ask = ASK.replace("{more}", OPTIONS.format(data="abcd"))
    entry = story(tmp_path, ask).steps[0].entry
    assert entry is not None
    query = dns.message.from_wire(query_of(entry, message_id=7))
    assert [option.to_wire() for option in query.options] == [b"\xab\xcd"]
    assert not query.ednsflags
    entry.options = b"\0\3\0\xff"  # an option cut short is sent all the same
    assert query_of(entry, message_id=7).endswith(b"\0\4\0\3\0\xff")


def test_options_of_a_reply_are_the_entrys(tmp_path: Path) -> None:
    server = SERVER.replace("{more}", OPTIONS.format(data="abcd"))
    stage = Stage(story(tmp_path, server, ASK), fill=False)
    stage.step = 1
    query = dns.message.make_query("a.example", "A", want_dnssec=True)
    [reply] = as_delayed(stage.server("192.0.2.1").answer(query.to_wire(), "udp", "192.0.2.53"))
    message = dns.message.from_wire(reply.data)
    assert [option.to_wire() for option in message.options] == [b"\xab\xcd"]
    assert message.ednsflags & dns.flags.DO
    query.use_edns(-1)
    [plain] = as_delayed(stage.server("192.0.2.1").answer(query.to_wire(), "udp", "192.0.2.53"))
    assert dns.message.from_wire(plain.data).edns < 0


def test_options_are_compared_where_the_entry_gives_some(tmp_path: Path) -> None:
    check = CHECK.replace("{more}", OPTIONS.format(data="abcd"))
    entry = story(tmp_path, check).steps[0].entry
    assert entry is not None
    entry.match = {"ednsdata", "ede", "server_cookie"}
    entry.arguments["ede"] = 20
    message = dns.message.make_query("a.example", "A")
    options = [
        dns.edns.NSIDOption(b"\xab\xcd"),
        dns.edns.EDEOption(dns.edns.EDECode.NOT_AUTHORITATIVE),
        cookie(8, 16),
    ]
    message.use_edns(0, options=options)
    assert mismatches(entry, Seen(message, "udp")) == []
    message.use_edns(0, options=[dns.edns.NSIDOption(b"\xab"), cookie(8, 0)])
    fields = [mismatch.field for mismatch in mismatches(entry, Seen(message, "udp"))]
    assert fields == ["ede", "ednsdata", "cookie"]


def cookie(client: int, server: int) -> dns.edns.Option:
    return dns.edns.CookieOption(bytes(client), bytes(server))


def test_do_is_an_echo(tmp_path: Path) -> None:
    entry = story(tmp_path, CHECK.replace("REPLY QR", "REPLY DO QR")).steps[0].entry
    assert entry is not None
    entry.match = {"flags"}
    message = dns.message.from_text("id 1\nflags QR RD RA\n;QUESTION\na.example. IN A\n")
    assert [one.field for one in mismatches(entry, Seen(message, "udp"))] == ["flags"]
    assert mismatches(entry, Seen(message, "udp", asked_do=False)) == []


def test_of_a_full_answer_only_the_answer_counts(tmp_path: Path) -> None:
    check = CHECK.replace("{more}", "example. IN NS ns.example.\n")
    assert "authority" in failure(story(tmp_path, SERVER, ASK, check))
    full = HEAD.replace("server:", "server:\nminimal-responses: no")
    assert failure(story(tmp_path, SERVER, ASK, check, head=full)) == ""
    negative = check.replace("a.example. IN A 192.0.2.7", "").replace("NOERROR", "NXDOMAIN")
    assert "authority" in failure(story(tmp_path, SERVER, ASK, negative, head=full))


def test_nothing_is_right_where_the_file_says_so(tmp_path: Path) -> None:
    assert is_dropped(story(tmp_path, ASK, "STEP 2 NOTHING\n").steps[1:])
    assert not is_dropped(story(tmp_path, ASK, CHECK, "STEP 10 NOTHING\n").steps[1:])
    assert "there was an answer" in failure(story(tmp_path, SERVER, ASK, "STEP 2 NOTHING\n"))


@pytest.mark.parametrize("silence", ["STEP 2 TIMEOUT\n", "STEP 2 ERROR\nSTEP 3 TIMEOUT\n"])
def test_a_silence_is_scripted_and_ends_with_a_reply(tmp_path: Path, silence: str) -> None:
    late = "STEP 4 REPLY\n" + REPLY
    assert failure(story(tmp_path, ASK, silence, late, CHECK)) == ""
    servfail = CHECK.replace("NOERROR", "SERVFAIL").replace("a.example. IN A 192.0.2.7\n", "")
    assert failure(story(tmp_path, ASK, silence, servfail)) == ""


def test_raw_octets_of_testbound_are_a_query_that_is_answered(tmp_path: Path) -> None:
    wire = dns.message.make_query("a.example", "A", id=0).to_wire().hex()
    raw = f"HEX_ANSWER_BEGIN\n{wire}\nHEX_ANSWER_END\n"
    ask = f"STEP 1 QUERY\nENTRY_BEGIN\nMATCH TCP\n{raw}ENTRY_END\n"
    assert failure(story(tmp_path, SERVER, ask, CHECK)) == ""


def test_rdata_may_have_any_length(tmp_path: Path) -> None:
    odd = SERVER.replace("192.0.2.7", "\\# 5 0102030405").replace(
        "SECTION ANSWER", "$TTL 7\nSECTION ANSWER"
    )
    [rrset] = story(tmp_path, odd, ASK).ranges[0].entries[0].sections["ANSWER"]
    assert (rrset.ttl, rrset[0].to_wire()) == (7, b"\1\2\3\4\5")
    bare = SERVER.replace("A 192.0.2.7", "RRSIG A 8 2 60 20350101000000 20200101000000 1 example.")
    [rrset] = story(tmp_path, bare, ASK).ranges[0].entries[0].sections["ANSWER"]
    assert rrset[0].signature == b""


def test_what_is_not_built_fails(tmp_path: Path) -> None:
    policy = HEAD.replace("server:", "server:\nlocal-data-ptr: '192.0.2.9 a.'")
    assert failure(story(tmp_path, SERVER, ASK, CHECK, head=policy)) == (
        "this needs local data: not built"
    )
    written = "STEP 5 CHECK_TEMPFILE a\nFILE_BEGIN\na. A 192.0.2.1\nFILE_END\n"
    assert "not built" in failure(story(tmp_path, SERVER, ASK, written))
