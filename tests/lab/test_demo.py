"""Each name of the simulated Internet shows what `resolver lab` says of it."""

from __future__ import annotations

import dns.rdatatype
import pytest

from resolver.config.schema import Config
from resolver.daemon import run
from resolver.lab import demo, virtual_time
from resolver.lab.catalogue import SHOWN, Shown
from resolver.model import Answer, Question
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, Rcode, rcode_text

WALL = 1_785_000_000.0
TROUBLES = {
    "www.bogus.org": EdeCode.DNSSEC_BOGUS,
    "www.expired.org": EdeCode.SIGNATURE_EXPIRED,
    "www.wrongds.org": EdeCode.DNSKEY_MISSING,
    "www.dead.org": EdeCode.NO_REACHABLE_AUTHORITY,
    "www.refused.org": EdeCode.NO_REACHABLE_AUTHORITY,
    "www.lame.org": EdeCode.NO_REACHABLE_AUTHORITY,
}


def ask(name: str, rtype: str, directory: object) -> Answer:
    async def main() -> Answer:
        simulated = demo.demo(wall=WALL)
        async with run.running(
            simulated.world.configure(Config(), str(directory)),
            network=simulated.network,
            clock=virtual_time.VirtualClock(wall=WALL),
            rng=virtual_time.seeded("demo"),
            listens=False,
        ) as daemon:
            qtype = int(dns.rdatatype.from_text(rtype))
            question = Question(names.from_text(name), qtype)
            return await daemon.parts.pipeline.answer(question)

    return virtual_time.run(main)


def in_words(answer: Answer) -> str:
    """The outcome as the catalogue has it; a failure is a failure, whatever was validated."""
    if answer.rcode == Rcode.SERVFAIL:
        return "SERVFAIL"
    words = [answer.status.value]
    if answer.rcode != Rcode.NOERROR:
        words.insert(0, rcode_text(answer.rcode))
    elif not answer.answer:
        words.insert(0, "no data")
    return ", ".join(words)


@pytest.mark.parametrize("shown", SHOWN, ids=lambda one: f"{one.name}-{one.rtype}")
def test_each_name_comes_to_what_the_list_says(shown: Shown, tmp_path: object) -> None:
    answer = ask(shown.name, shown.rtype, tmp_path)
    assert in_words(answer) == shown.answer
    if shown.name in TROUBLES:
        assert TROUBLES[shown.name] in [ede.code for ede in answer.ede]


def test_every_zone_of_the_simulated_internet_is_in_the_list() -> None:
    """A zone that shows something and is not listed cannot be found by anybody."""
    above = {".", "com.", "org.", "net.", "info.", "root-servers.net."}
    zones = {names.to_text(apex) for apex in demo.demo_world(wall=WALL).zones} - above
    listed = {one.name.partition(".")[2] + "." for one in SHOWN}
    assert {zone for zone in zones if not any(name.endswith(zone) for name in listed)} == set()
