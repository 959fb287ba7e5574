"""What the end-to-end tests share: what they need, and the daemon they ask.

`RESOLVER_UNDER_TEST=unbound` runs Debian's Unbound in our place: a test that fails there too
may itself be wrong.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.realworld import root_world, run, software, tree
from tests import real_data
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Iterator

AUTHORITIES = (*software.PROGRAMS.values(), "pdnsutil")
PROJECT = Path(__file__).resolve().parents[2]


def require(*programs: str) -> None:
    """Skip where root or a program is missing; in CI neither may be, so there it fails."""
    reason = netns.missing(*programs)
    if reason is None:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI {reason}")
    pytest.skip(reason)


def require_data(*parts: str) -> Path:
    path = real_data.FOLDER.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no {path}: set RESOLVER_TEST_DATA")
    return path


def popular_names(count: int) -> list[str]:
    return require_data("domains", "opendns-top-domains.txt").read_text().split()[:count]


@contextlib.contextmanager
def real_world(names: int) -> Iterator[root_world.RealWorld]:
    """The real root on real servers, with zones for the first *names* popular names."""
    require(*AUTHORITIES)
    root_zone = require_data("root", "root.zone")
    with root_world.running(root_zone, popular_names(names)) as it:
        yield it


def start(it: root_world.RealWorld) -> netns.Program:
    """The resolver under test on 127.0.0.1 and ::1, port 53, with the lab's anchor."""
    if os.environ.get("RESOLVER_UNDER_TEST") == "unbound":
        return run.start_unbound(it)
    return run.start_resolver(it)


def command(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "resolver", *arguments)


__all__ = [
    "command",
    "popular_names",
    "real_world",
    "require",
    "require_data",
    "start",
    "tree",
]
