"""Every peer twice: as shipped, and with what its manual offers against slow and dead servers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bench.common import peers

if TYPE_CHECKING:
    from pathlib import Path

Starter = Callable[[peers.Setup], list[str]]


def _command(
    software: str, extra: str, setup: peers.Setup, *, checkout: Path = peers.PROJECT
) -> list[str]:
    return peers.command(software, replace(setup, extra=extra, checkout=checkout))


def ours(setup: peers.Setup, *, checkout: Path = peers.PROJECT) -> list[str]:
    """Ourselves, from *checkout*, with a place to keep state in."""
    extra = f'working_directory = "{setup.directory}"'
    return _command("ours", extra, setup, checkout=checkout)


def with_extra(software: str, extra: str) -> Starter:
    """*software* with lines of its own configuration."""
    return partial(_command, software, extra)


# Tried and left out: unknown-server-time-limit 150 gives up on servers that are merely far.
_UNBOUND_TUNED = """discard-timeout: 0
fast-server-permil: 900
fast-server-num: 2
outgoing-num-tcp: 200"""
_KRESD_TUNED = "option('NO_MINIMIZE', true)\nmodules.load('predict')"
_NAMED_TUNED = "resolver-retry-interval 250; resolver-nonbackoff-tries 6;"
_PDNS_TUNED = "network-timeout=400\nserver-down-max-fails=4\nserver-down-throttle-time=20"

STARTERS: dict[str, Starter] = {
    "ours": ours,
    "unbound": partial(_command, "unbound", ""),
    "unbound-tuned": partial(_command, "unbound", _UNBOUND_TUNED),
    "kresd": partial(_command, "kresd", ""),
    "kresd-tuned": partial(_command, "kresd", _KRESD_TUNED),
    "named": partial(_command, "named", ""),
    "named-tuned": partial(_command, "named", _NAMED_TUNED),
    "pdns": partial(_command, "pdns", ""),
    "pdns-tuned": partial(_command, "pdns", _PDNS_TUNED),
}
