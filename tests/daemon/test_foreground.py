"""The daemon as a process: what keeps it from starting is told in a line."""

from __future__ import annotations

import sys

import pytest

from resolver.config.schema import Config, Server
from resolver.daemon import descriptors, foreground
from resolver.errors import CannotStart
from resolver.limits import THREAD_TURN_SECONDS


@pytest.mark.reaches("DESCRIPTORS_LEAST")
def test_too_few_open_files_are_told_before_anything_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not as whatever happens to fail for want of the next one."""
    monkeypatch.setattr(descriptors, "raise_descriptor_limit", lambda: 27)
    monkeypatch.setattr(descriptors, "descriptor_limit", lambda: 27)
    config = Config(server=Server(listen=("127.0.0.1:1", "127.0.0.2:1"), user=""))
    with pytest.raises(CannotStart, match=r"only 27 open files .* at least 28"):
        foreground.serve(config)


@pytest.mark.reaches("THREAD_TURN_SECONDS")
def test_a_thread_that_computes_gives_way_to_the_loop_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file that is read for a reload must not keep clients waiting for as long as Python lets
    it, at each system call of the loop."""
    told: list[float] = []
    monkeypatch.setattr(sys, "setswitchinterval", told.append)
    monkeypatch.setattr(descriptors, "descriptor_limit", lambda: 27)
    monkeypatch.setattr(descriptors, "raise_descriptor_limit", lambda: 27)
    with pytest.raises(CannotStart):
        foreground.serve(Config(server=Server(listen=("127.0.0.1:1",) * 9, user="")))
    assert told == [THREAD_TURN_SECONDS]
