"""Config → views: whom they hold, what is done to them, and who shares packets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resolver.config.load import loads
from resolver.config.schema import Config
from resolver.daemon.policies import Stock, views_of
from resolver.protocol.ip_addresses import address_octets
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from resolver.policy.path import PolicyPath

HOME = """
server.listen = ["127.0.0.1:53", "127.0.0.2:53", "tls://127.0.0.1:853"]
server.allow_from = ["10.0.0.0/8"]
[[view]]
name = "kids"
clients = ["10.0.7.0/24"]
tags = ["kids", "ads"]
[[view]]
name = "tablet"
clients = ["10.0.9.1"]
tags = ["ads", "kids"]
[[view]]
name = "guests"
listen = ["127.0.0.2"]
answer = "allow"
[[view]]
name = "encrypted"
transports = ["tls"]
serve_stale = false
[[view]]
name = "attic"
clients = ["10.0.8.0/24"]
answer = "refuse"
[[view]]
name = "cellar"
clients = ["10.0.6.0/24"]
answer = "drop"
"""
UDP, TLS = Transport.UDP, Transport.TLS


def paths(text: str = HOME, now: frozenset[str] = frozenset()) -> dict[str, PolicyPath]:
    return {path.view.name: path for path in views_of(loads(text), Stock(), now).paths}


@pytest.mark.parametrize(
    ("client", "listener", "transport", "view"),
    [
        ("10.0.7.1", "127.0.0.1:53", UDP, "kids"),
        ("10.0.7.1", "127.0.0.2:53", UDP, "kids"),
        ("10.0.1.1", "127.0.0.2:53", UDP, "guests"),
        ("10.0.1.1", "127.0.0.1:853", TLS, "encrypted"),
        ("10.0.1.1", "127.0.0.1:53", UDP, "default"),
    ],
)
def test_each_client_has_the_view_of_the_file(
    client: str, listener: str, transport: Transport, view: str
) -> None:
    views = views_of(loads(HOME), Stock())
    assert views.of(address_octets(client), listener, transport).view.name == view


def test_the_same_tags_and_options_share_packets_and_no_others_do() -> None:
    tags = {name: path.view.tag for name, path in paths().items()}
    assert tags["kids"] == tags["tablet"]
    assert len(set(tags.values())) == len(tags) - 1
    assert tags["default"] == 0


def test_the_word_of_a_view_counts_before_the_access_list() -> None:
    found, inside, outside = paths(), b"\x0a\0\1\1", b"\xc0\0\2\1"
    assert found["guests"].admits(outside)
    assert found["kids"].admits(inside)
    assert not found["kids"].admits(outside)
    assert not found["attic"].admits(inside)
    assert not found["cellar"].admits(inside)
    assert str(found["attic"]).startswith("refused, ")
    assert str(found["cellar"]).startswith("dropped, ")
    assert str(found["kids"]).startswith("access list, ")
    assert str(found["guests"]).startswith("query rules")


def test_a_tag_whose_time_it_is_not_makes_no_difference() -> None:
    timed = HOME.replace('["ads", "kids"]', '["ads"]')
    timed += "[[schedule]]\ntag = 'kids'\nfrom = '20:00'\nto = '07:00'"
    day, night = paths(timed), paths(timed, frozenset({"kids"}))
    assert day["kids"].view.tag == day["tablet"].view.tag
    assert night["kids"].view.tag != night["tablet"].view.tag


def test_one_view_without_criteria_is_everybody_s() -> None:
    views = views_of(loads("[[view]]\nname = 'all'\nanswer = 'allow'"), Stock())
    assert views.only is views.default
    assert views.default.view.name == "all"
    assert views.default.admits(b"\xc0\0\2\1")


def test_without_views_there_is_one_path() -> None:
    views = views_of(Config(), Stock())
    assert views.only is not None
    assert views.only.view == (("default", 0, True))


def test_expired_data_is_kept_from_a_view_that_does_not_want_it() -> None:
    found = paths()
    assert not found["encrypted"].view.tells_stale
    assert str(found["encrypted"]).endswith("| no expired data")
    assert found["kids"].view.tells_stale
