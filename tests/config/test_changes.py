"""What differs, and when it takes effect."""

from __future__ import annotations

import pytest

from resolver.cli.tables import keys_markdown
from resolver.config.changes import changes, merged
from resolver.config.load import loads
from resolver.config.schema import Config, View

BASE = """
server.allow_from = ["127.0.0.0/8"]
forward = [{zone = "corp.", addresses = ["192.0.2.1"]}]
"""


def found(text: str) -> list[tuple[str, str]]:
    return [(str(change), change.effect) for change in changes(loads(BASE), loads(text))]


def test_the_same_is_no_change() -> None:
    assert found(BASE) == []
    assert changes(Config(), Config()) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cache.min_ttl = 5", ("cache.min_ttl", "live")),
        ("server.listen = ['127.0.0.2']", ("server.listen", "reopen")),
        ("metrics.listen = '127.0.0.1:9153'", ("metrics.listen", "reopen")),
        ("warm = [{name = 'www.example.com'}]", ("warm", "live")),
        ("outgoing.metered = true", ("outgoing.metered", "live")),
        ("server.user = 'root'", ("server.user", "restart")),
        ("cache.size_octets = 1048576", ("cache.size_octets", "restart")),
        ("stub = [{zone = 'corp.', addresses = ['192.0.2.9']}]", ("stub corp. (new)", "live")),
    ],
)
def test_each_key_has_its_own_time(text: str, expected: tuple[str, str]) -> None:
    assert expected in [(str(c), c.effect) for c in changes(Config(), loads(text))]


def test_zones_are_told_by_name() -> None:
    assert found(BASE.replace("192.0.2.1", "192.0.2.2")) == [("forward corp.", "live")]
    assert found(BASE.replace("corp.", "lan.")) == [
        ("forward corp. (gone)", "live"),
        ("forward lan. (new)", "live"),
    ]


def test_what_needs_a_restart_keeps_its_value() -> None:
    before = Config()
    now = loads("server = {user = 'root', identity = 'me'}")
    kept = merged(now, changes(before, now))
    assert (kept.server.user, kept.server.identity) == (before.server.user, "me")


def test_the_table_of_keys_says_it() -> None:
    rows = {row.split(" | ")[0].strip("| "): row for row in keys_markdown().splitlines()}
    assert "| restart |" in rows["server.workers"]
    assert "| reopen |" in rows["server.listen"]
    assert "| live |" in rows["server.allow_from"]


def test_tables_are_told_as_one_would_write_them() -> None:
    """What is as usual is left out, in each of several too."""
    views = (View(name="guests", clients=("192.0.2.0/24",)), View(name="all", log="off"))
    (change,) = changes(Config(), Config(view=views))
    assert change.told() == (
        "[]",
        "[{'name': 'guests', 'clients': ['192.0.2.0/24']}, {'name': 'all', 'log': 'off'}]",
    )
