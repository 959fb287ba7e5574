"""Each trouble is told once, and its end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from resolver.daemon.troubles import Trouble

if TYPE_CHECKING:
    import pytest

_log = logging.getLogger("resolver.test")
SAID = ("nothing is kept", "all is kept again")


def test_it_is_told_when_it_begins_when_it_is_another_and_when_it_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    trouble = Trouble(_log, tells=True)
    for why in ("", "disk full", "disk full", "read-only", "", ""):
        trouble.note(why, *SAID)
    assert caplog.messages == [
        "nothing is kept: disk full",
        "nothing is kept: read-only",
        "all is kept again",
    ]


def test_where_another_process_says_it_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    trouble = Trouble(_log, tells=False)
    trouble.note("disk full", *SAID)
    trouble.note("", *SAID)
    assert caplog.messages == []
