"""resolver check FILE: all that is wrong with a configuration, or what it comes to.

The same looks as at the start of `resolver serve`, by the user who asks; but what systemd makes for
the service, as its file says, need not be there yet. The verdict is the first line on stdout, or
the last one on stderr.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from resolver.cli import verify
from resolver.config import check, forwarders
from resolver.config.endpoints import show
from resolver.config.http3 import http3_places
from resolver.config.listen_urls import listen_url
from resolver.daemon import policies, service_unit, state
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from resolver.config.schema import Config, Forward
    from resolver.daemon.service_unit import Promises

WRONG_CONFIGURATION = 2


def run(options: argparse.Namespace) -> int:
    """0 if a daemon would start with it, 2 if not."""
    promised = service_unit.promises()
    asked = argparse.Namespace(config=options.file, listen=None)
    config, problems = verify.configuration(asked, promised)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        count = len(problems)
        print(f"{options.file}: {count} problem{'s' if count > 1 else ''}", file=sys.stderr)
        return WRONG_CONFIGURATION
    print(summary(config, options.file, promised))
    return 0


def summary(config: Config, name: str, promised: Promises) -> str:
    """The verdict, what the daemon would do, and what is unwise about it."""
    server, outgoing, anchors = config.server, config.outgoing, state.read_anchors(config)
    families = " and ".join(
        family for family, on in (("IPv4", outgoing.ipv4), ("IPv6", outgoing.ipv6)) if on
    )
    zones = [_forward(entry) for entry in config.forward]
    zones += [f"stub {entry.zone}" for entry in config.stub]
    lines = [
        f"{name}: ok",
        f"  listens on   {_listeners(config)}",
        *_http3(config),
        f"  answers      {', '.join(server.allow_from) or 'nobody'}",
        f"  asks over    {families}",
        f"  sends away   {_NEXT.join(zones) or 'nothing: resolves from the root'}",
        f"  policy       {policies.views_of(config, anchors).default}",
        f"  validates    {'yes' if state.validates(config, anchors) else 'no'}",
        f"  caches       {config.cache.size_octets >> 20} MiB a process, {server.workers} of them",
    ]
    sentences = [
        *check.advice(config),
        *verify.notes(config, promised),
        *state.useless_anchors(config, anchors),
    ]
    return "\n".join([*lines, *(f"note: {sentence}" for sentence in sentences)])


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
