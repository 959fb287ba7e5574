"""resolver check FILE: all that is wrong with a configuration, or what it comes to."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from resolver.cli import tables
from resolver.config import check, hints, load
from resolver.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from resolver.config.schema import Config


def run(options: argparse.Namespace) -> int:
    """0 if a daemon would start with it, 1 if not."""
    config, problems = load.read(options.file)
    if not problems:
        problems = list(_unreadable(config))
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        count = len(problems)
        print(f"{options.file}: {count} problem{'s' if count > 1 else ''}", file=sys.stderr)
        return 1
    print(summary(config, options.file))
    return 0


def _unreadable(config: Config) -> list[ConfigError]:
    """What only reading the named files can tell."""
    path = config.root.hints_file
    try:
        hints.load(check.working_path(config, path) if path else None)
    except ConfigError as problem:
        return [problem]
    return []


def summary(config: Config, name: str) -> str:
    """What the daemon would do, what is unwise about it, and its limits."""
    server, outgoing, dnssec = config.server, config.outgoing, config.dnssec
    families = " and ".join(
        family for family, on in (("IPv4", outgoing.ipv4), ("IPv6", outgoing.ipv6)) if on
    )
    zones = [*(f"forward {entry.zone}" for entry in config.forward)]
    zones += [f"stub {entry.zone}" for entry in config.stub]
    lines = [
        f"{name}: ok",
        f"  listens on   {', '.join(server.listen)} (UDP and TCP)",
        f"  answers      {', '.join(server.allow_from) or 'nobody'}",
        f"  asks over    {families}",
        f"  sends away   {', '.join(zones) or 'nothing: resolves from the root'}",
        f"  validates    {'yes' if dnssec.validate else 'no'}",
        f"  caches       {config.cache.size_octets >> 20} MiB a process, {server.workers} of them",
    ]
    lines += [f"note: {sentence}" for sentence in check.advice(config)]
    return "\n".join([*lines, "limits:", tables.limits_text()])
