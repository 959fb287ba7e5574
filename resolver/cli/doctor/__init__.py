"""resolver doctor: one page that says what is wrong with this machine's DNS, and what to do.

First everything is looked at (`host`, `probes`, `web`), then judged (`judge_host`, `judge_network`:
pure), then told (`page`). It works without the daemon, and asks it where it runs.
"""

from __future__ import annotations

from dataclasses import replace
from random import SystemRandom
from typing import TYPE_CHECKING

import trio

from resolver.cli.bench_run import encrypt
from resolver.cli.compare import Asker
from resolver.cli.doctor import host, judge, page, probes, web
from resolver.cli.doctor.evidence import Evidence
from resolver.cli.doctor.finding import Level
from resolver.library.settings import internet
from resolver.runtime import interrupt
from resolver.upstream.udp import SystemNetwork

if TYPE_CHECKING:
    import argparse

    from resolver.cli.doctor.evidence import Host, Internet
    from resolver.config.schema import Config
    from resolver.upstream.network import Network

FOUND = 1


def run(options: argparse.Namespace) -> int:
    """0 if nothing is wrong, 1 if something is."""
    config, looked, plan = host.look(options.config or host.default_config())
    with interrupt.allowed(), internet(config, lab=options.lab) as (fitting, network):
        seen = trio.run(_look_around, fitting, network, looked, None if options.lab else web.URL)
    findings = judge.findings(Evidence(looked, seen, plan))
    print(page.as_json(findings) if options.json else page.as_text(findings))
    return FOUND if any(each.level is Level.TROUBLE for each in findings) else 0


async def _look_around(
    config: Config, network: Network | None, looked: Host, url: str | None
) -> Internet:
    """What the network does; a web page is asked for only where DNS looks as behind a portal."""
    ports = network or SystemNetwork(config.outgoing.source_addresses)
    asker = Asker(ports, SystemRandom())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(asker.run)
        nobody = probes.NOBODY if network is None else ()  # the lab's servers have such addresses
        prober = probes.Prober(asker, ports, config, nobody=nobody)
        contestants = [each.contestant for each in prober.forwards_asked]
        encrypt(asker, contestants, ports, nursery)
        found = await prober.run()
        nursery.cancel_scope.cancel()
    if url is not None and judge.looks_like_a_portal(found):
        found = replace(found, portal=await web.look(url, judge.lets_in(looked, found)))
    return found
