"""Programs of the machine: what they come to, whatever they do."""

from __future__ import annotations

import pytest

from resolver.limits import SETUP_COMMAND_SECONDS
from resolver.setup.commands import NOT_THERE, run


def test_what_they_say_is_told() -> None:
    assert run(("sh", "-c", "echo out; echo no >&2; exit 3"))[:2] == (3, "out\n")
    assert run(("sh", "-c", "echo one >&2; echo two >&2; exit 3")).reason == "two"
    assert run(("sh", "-c", "exit 4")).reason == "status 4"


def test_one_that_is_not_there_is_no_exception() -> None:
    ended = run(("there-is-no-such-program",))
    assert ended.status == NOT_THERE
    assert "not installed" in ended.reason


@pytest.mark.reaches("SETUP_COMMAND_SECONDS")
def test_one_that_does_not_end_is_ended() -> None:
    assert (run.__kwdefaults__ or {})["timeout_s"] == SETUP_COMMAND_SECONDS
    assert "did not end" in run(("sleep", "60"), timeout_s=0.05).reason
