"""resolver check FILE: all that is wrong with a configuration, or what it comes to.

The same looks as at the start of `resolver serve`, and the same sentences. What systemd makes for
the service, as its file says, need not be there yet; what only root may look at is no mistake, but
said. The last line is the verdict: on stdout if it is good, else on stderr.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import msgspec

from resolver.cli import verify
from resolver.cli.check_policy import policy_notes
from resolver.cli.check_workers import worker_notes
from resolver.config import check, forwarders
from resolver.config.endpoints import show
from resolver.config.http3 import http3_places
from resolver.config.listen_urls import listen_url
from resolver.config.schema import Config
from resolver.config.shares import budget_octets, shares_of
from resolver.daemon import (
    link_reading,
    link_zones,
    local_files,
    memory_limit,
    policies,
    rpz_terms,
    service_unit,
    state,
)
from resolver.daemon.workers import worker_count
from resolver.errors import ConfigError
from resolver.policy.rpz import Rpzs
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.config.schema import Forward
    from resolver.dnssec.anchors import Anchors

WRONG_CONFIGURATION = 2


def run(options: argparse.Namespace) -> int:
    """0 if a daemon would start with it, as far as can be told; 2 if not."""
    asked = argparse.Namespace(config=options.file, listen=None)
    found = verify.look(asked, service_unit.promises())
    for problem in found.problems:
        print(problem, file=sys.stderr)
    if found.problems:
        count = len(found.problems)
        print(f"{options.file}: {count} problem{'s' if count > 1 else ''}", file=sys.stderr)
        return WRONG_CONFIGURATION
    if found.config != Config():
        print("\n".join(_summary(found.config)))
    for sentence in _sentences(found):
        print(f"note: {sentence}")
    print(_verdict(options.file, found))
    return 0


def _verdict(name: str, found: verify.Look) -> str:
    """The last line."""
    said = f"{name}: ok"
    if found.unknown:
        what = dict.fromkeys(f"{one.where} {one.value}" for one in found.unknown)
        said += f", as far as you may look; only root can tell of {', '.join(what)}"
    return said + ("; all is as by default" if found.config == Config() else "")


def _anchors(config: Config) -> Anchors | None:
    """None where they stand in a file that we may not read."""
    try:
        return state.read_anchors(config)
    except ConfigError:
        return None


def _sentences(found: verify.Look) -> Iterator[str]:
    """What is unwise about it, or otherwise worth a line."""
    yield from check.advice(found.config)
    yield from found.notes
    files = local_files.LocalFiles()
    files.tables(found.config)
    yield from files.said
    yield from policy_notes(found.config)
    yield from worker_notes(found.config)
    anchors = _anchors(found.config)
    if anchors is not None:
        yield from state.useless_anchors(found.config, anchors)


def _summary(config: Config) -> list[str]:
    """What a daemon would do."""
    server, outgoing, anchors = config.server, config.outgoing, _anchors(config)
    families = " and ".join(
        family for family, on in (("IPv4", outgoing.ipv4), ("IPv6", outgoing.ipv6)) if on
    )
    router = config.local.private_reverse
    implied = [entry for entry in config.forward if entry.addresses == (router,)]
    zones = [_forward(entry) for entry in config.forward if entry not in implied]
    if implied:
        zones.append(f"{len(implied)} zones: names of private addresses, to {router}")
    zones += [f"stub {entry.zone}" for entry in config.stub]
    validates = config.dnssec.validate if anchors is None else state.validates(config, anchors)
    return [
        f"  listens on   {_listeners(config)}",
        *_http3(config),
        f"  answers      {', '.join(server.allow_from) or 'nobody'}",
        f"  asks over    {families}",
        f"  sends away   {_NEXT.join(zones) or 'nothing: resolves from the root'}",
        *_links(config),
        f"  policy       {_NEXT.join(_views(config, anchors))}",
        f"  validates    {'yes' if validates else 'no'}",
        f"  memory       {_memory(config)}",
    ]


def _memory(config: Config) -> str:
    """What a daemon may take here, and what records have of it."""
    available = memory_limit.available_octets()
    count = memory_limit.workers_that_fit(config, worker_count(config.server.workers), available)
    server = msgspec.structs.replace(config.server, workers=count)
    counted = msgspec.structs.replace(config, server=server)
    fitted = memory_limit.fitted(counted, available)
    shares, budget = shares_of(fitted), budget_octets(fitted)
    processes = "one process" if count == 1 else f"{count} processes"
    cut = "".join(f"{_NEXT}{one}" for one in memory_limit.cut_short(counted, fitted, available))
    return f"{budget >> 20} MiB for {processes}; records {shares.records >> 20} MiB of each{cut}"


def _views(config: Config, anchors: Anchors | None) -> list[str]:
    """What queries meet, in order, a line for each view; with the tags that count at all times."""
    tags = frozenset(entry.tag for entry in config.schedule)
    local = local_files.local_data(config, local_files.LocalFiles())
    rpzs, zones = rpz_terms.in_use(config, Rpzs())
    stock = policies.Stock(anchors, local=local, rpzs=rpzs, zones=zones)
    views = policies.views_of(config, stock, tags)
    if views.only is not None:
        return [str(views.only)]
    return [f"{path.view.name}: {path}" for path in views.paths]


def _links(config: Config) -> list[str]:
    """Which zones links bring now, if anybody's word is taken for them."""
    whose = config.network.forward_zones
    if whose == "off":
        return []
    try:
        found = link_zones.read(whose)
    except link_reading.Unreadable as error:
        return [f"  links bring  nothing: {error}"]
    return [f"  links bring  {link_zones.in_words(found)}"]


def _forward(entry: Forward) -> str:
    """Where a zone goes, a line for each server: over what, and how it proves that it is it."""
    found = forwarders.forwarders_of(entry)
    lines = [f"forward {entry.zone}"]
    for one in found:
        proof = "in clear text" + (", encrypted once it says where" if entry.discover else "")
        if one.is_encrypted:
            proof = "not proven" if entry.profile == "opportunistic" else _proof(entry, one)
        lines.append(f"  {one.transport.value} to {show(one.where)}, {proof}")
    if entry.profile == "opportunistic":
        lines[0] += ", in clear text where nothing else is answered"
    if forwarders.filters(entry):
        lines[0] += ", which blocks names on purpose"
    return _NEXT.join(lines)


def _proof(entry: Forward, one: forwarders.Forwarder) -> str:
    if entry.pins:
        return f"proven by its key ({len(entry.pins)} pinned)"
    by = f" by {entry.ca_file}" if entry.ca_file else ""
    return f"authenticated as {one.auth_name or one.where[0]}{by}"


_NEXT = "\n" + " " * 15


def _http3(config: Config) -> list[str]:
    """What nobody has asked for by name, where there is HTTPS."""
    if not any(Transport.HTTPS in listen_url(text).transports for text in config.server.listen):
        return []
    places = http3_places(config)
    spoken = f"on UDP, {', '.join(map(show, places))}"
    without = "without: see https.http3, or its UDP port is taken, or aioquic is not installed"
    return [f"  HTTP/3       {spoken if places else without}"]


def _listeners(config: Config) -> str:
    """Where, and by which transports if not all are the usual ones."""
    urls = [listen_url(text) for text in config.server.listen]
    if all(url.transports == (Transport.UDP, Transport.TCP) for url in urls):
        return f"{', '.join(map(str, urls))} (UDP and TCP)"
    return ", ".join(f"{url.scheme}://{show(url.where)}{url.path}" for url in urls)
