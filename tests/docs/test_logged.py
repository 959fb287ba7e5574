"""What is kept of what people look up, and for how long, is documented (RFC 9076)."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from resolver.config.schema import Log
from resolver.limits import QUERY_LOG_DAYS, QUERY_LOG_OCTETS
from resolver.telemetry.query_lines import Line

OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations.md"


def section(title: str) -> str:
    """The text under one heading."""
    text = OPERATIONS.read_text("utf-8")
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


@pytest.mark.rfc("RFC 9076")
def test_all_that_a_line_of_the_query_log_tells_is_named() -> None:
    text = section("The query log")
    for field in msgspec.structs.fields(Line):
        name = field.encode_name
        assert f'"{name}":' in text or f"*{name}*" in text, name


@pytest.mark.rfc("RFC 9076")
def test_what_is_kept_unless_told_otherwise_and_for_how_long_is_as_it_says() -> None:
    text = section("The query log")
    assert (Log().queries, Log().clients) == ("off", "no")
    assert '`"off"` is the default' in text
    assert "**Who asked is not told**" in text
    assert f"`log.keep` days ({QUERY_LOG_DAYS})" in text
    assert f"`log.size_octets` ({QUERY_LOG_OCTETS >> 20} MiB)" in text
