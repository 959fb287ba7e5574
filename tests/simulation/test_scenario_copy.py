"""Zones of scenarios that are held whole: a verdict that is not the file's fails it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dns.name
import dns.zone
import pytest
from dns.zonetypes import DigestHashAlgorithm, DigestScheme

from tests.simulation.scenario_parse import parse
from tests.simulation.scenario_run import Variant, play

if TYPE_CHECKING:
    from pathlib import Path

ZONE = """\
example. 300 IN SOA ns.example. admin.example. 1 3600 900 86400 300
example. 300 IN NS ns.example.
ns.example. 300 IN A 192.0.2.1
www.example. 300 IN A 192.0.2.2
"""
STORY = """\
stub-addr: 198.41.0.4
auth-zone:
  name: example.
  {head}
  zonemd-check: yes
  zonefile:
TEMPFILE_NAME example
TEMPFILE_CONTENTS example
{file}TEMPFILE_END
CONFIG_END
SCENARIO_BEGIN a zone held whole
RANGE_BEGIN 0 10
    ADDRESS 192.0.2.9
ENTRY_BEGIN
MATCH opcode qtype qname
REPLY QR
SECTION QUESTION
example. IN AXFR
SECTION ANSWER
{transfer}ENTRY_END
RANGE_END
STEP 1 QUERY
ENTRY_BEGIN
REPLY RD
SECTION QUESTION
www.example. IN A
ENTRY_END
STEP 2 CHECK_ANSWER
ENTRY_BEGIN
REPLY QR RD RA {rcode}
SECTION QUESTION
www.example. IN A
{answer}ENTRY_END
SCENARIO_END
"""


def with_digest() -> str:
    """The zone with its ZONEMD, as dnspython makes it."""
    zone = dns.zone.from_text(ZONE, "example.", relativize=False)
    rdata = zone.compute_digest(DigestHashAlgorithm.SHA384, scheme=DigestScheme.SIMPLE)
    return f"{ZONE}example. 300 IN ZONEMD {rdata.to_text()}\n"


def transferred(text: str) -> str:
    """A transfer's records: the SOA at both ends."""
    return text + text.splitlines()[0] + "\n"


@pytest.mark.parametrize("way", ["file", "transfer"])
@pytest.mark.parametrize("is_right", [True, False])
@pytest.mark.parametrize("is_used", [True, False])
def test_the_verdict_has_to_be_the_files(
    tmp_path: Path, way: str, *, is_right: bool, is_used: bool
) -> None:
    zone = with_digest()
    if not is_right:
        zone = zone.replace("192.0.2.2", "192.0.2.66")
    answer = "SECTION ANSWER\nwww.example. 300 IN A 192.0.2.2\n"
    path = tmp_path / "story.rpl"
    path.write_text(
        STORY.format(
            head="master: 192.0.2.9" if way == "transfer" else "",
            file=zone if way == "file" else "",
            transfer=transferred(zone) if way == "transfer" else "",
            rcode="NOERROR" if is_used else "SERVFAIL",
            answer=answer if is_used else "",
        )
    )
    result = play(parse(path), Variant(minimise=False))
    assert result.passed is (is_right is is_used), result
