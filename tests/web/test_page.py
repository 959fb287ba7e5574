"""The page as it is sent: whole without a script, small, inert whatever others call themselves."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import resources
from typing import Any

import pytest

from resolver.limits import WEB_ROWS
from resolver.web import charts, look_up, panels_known
from resolver.web.drill_shown import drilled
from resolver.web.page import PANELS, document, fragments
from tests.web.test_html import HOSTILE, _Parsed
from tests.web.views import view

MOST_OCTETS = 60 << 10
STATIC = ("page.css", "page.js", "icon.svg")


def _why(said: str) -> dict[str, Any]:
    server = {"address": said, "nameserver": said, "rtt_ms": None, "state": said, "instance": said}
    return {
        "because": said, "views": {said: said},
        "links": [{"name": said, "type": said, "state": said, "verdict": said, "status": said,
                   "zone": said, "left_s": -5, "records": [said], "failure": said, "bogus": said}],
        "cuts": [{"zone": said, "servers": [server]}],
        "trust": [{"zone": said, "status": said, "keys": [1], "flaw": said}],
    }  # fmt: skip


def test_the_whole_of_it_is_small() -> None:
    """60 KiB in all, with every table full and a day of history."""
    page = document(view("a-name-of-some-length.example.com.", rows=100), token="x" * 43)
    files = resources.files("resolver.web").joinpath("static")
    octets = len(page.encode()) + sum(len(files.joinpath(name).read_bytes()) for name in STATIC)
    assert octets <= MOST_OCTETS


def test_the_numbers_stand_there_without_a_script() -> None:
    text = " ".join(_Parsed(document(view(is_trusted=False))).texts)
    for said in ("90.0 %", "2.0 %", "The link is up", "from memory", "from servers", "64.0 MiB"):
        assert said in text


def test_the_sketch_has_a_dot_for_each_server_the_farther_the_further_right() -> None:
    found = [("near", 0.2, "local"), ("<b>\u202efar", 90.0, "far"), ("moon", 2500.0, "far")]
    drawn = charts.distances(found, 20.0, "three servers")
    dots = [float(at) for at in re.findall(r'd="M([0-9.]+) ', drawn)]
    assert dots == sorted(dots)
    assert (dots[0], dots[-1]) == (1.0, 99.0)
    shaded = re.search(r'<rect x="([0-9.]+)"', drawn)
    assert shaded is not None
    assert dots[0] < float(shaded[1]) < dots[1]
    assert "<b>" not in drawn
    assert "\u202e" not in drawn
    assert "<rect" not in charts.distances(found, None, "nobody knows where far begins")


def test_the_share_of_hits_comes_first() -> None:
    page = document(view())
    assert page.index("From memory") < page.index("The link is up")
    places = [page.index(f'id="{panel.id}"') for panel in PANELS]
    assert places == sorted(places)


def test_names_take_the_token() -> None:
    page = document(view("secret.example", is_trusted=False))
    drawn = fragments(view("secret.example", is_trusted=False))
    assert {"zones", "servers", "warm"}.isdisjoint(drawn)
    assert "Look up" not in page
    assert 'type="password"' in page


def test_nothing_of_it_comes_from_elsewhere_or_stands_inline() -> None:
    page = document(view())
    found = _Parsed(page)
    assert "style" not in found.tags
    assert not {name for name in found.names if name == "style" or name.startswith("on")}
    assert re.findall(r"<script[^>]*>", page) == ['<script src="/page.js" defer>']
    files = resources.files("resolver.web").joinpath("static")
    for text in (page, *(files.joinpath(name).read_text() for name in STATIC[:2])):
        assert re.findall(r"(?:https?:)?//[a-z0-9]", text.replace("// ", "")) == []


@pytest.mark.parametrize("said", HOSTILE)
def test_whatever_others_call_themselves_the_page_is_the_same(said: str) -> None:
    """Names, instances, EDE texts, at each sink of the page."""
    good, bad = _Parsed(document(view())), _Parsed(document(view(said)))
    assert bad.tags == good.tags
    assert bad.names == good.names
    assert "\u202e" not in "".join(bad.texts)
    assert "\x1b" not in "".join(bad.texts)


@pytest.mark.parametrize("said", HOSTILE)
def test_the_look_up_is_the_same_whatever_is_found(said: str) -> None:
    good, bad = _Parsed(look_up.story(_why("example"))), _Parsed(look_up.story(_why(said)))
    assert (bad.tags, bad.names) == (good.tags, good.names)


@pytest.mark.reaches("WEB_ROWS")
def test_tables_can_be_read_at_a_glance() -> None:
    shown = panels_known.servers(view(rows=WEB_ROWS + 5))
    assert shown.count("<tr>") == WEB_ROWS + 1  # and the head


def test_every_field_has_a_label() -> None:
    page = document(view(), token="t" * 43)
    named = set(re.findall(r'<label for="([^"]+)"', page))
    fields = re.findall(r"<(?:input|select)([^>]*)>", page)
    wanted = {re.search(r' id="([^"]+)"', one) for one in fields if "hidden" not in one}
    assert {one[1] for one in wanted if one} <= named


def test_a_day_is_drawn_from_the_feet_up() -> None:
    found = charts.columns(view().minutes)
    assert len(found) == charts.COLUMNS
    drawn = charts.timeline(found, "label")
    assert drawn.count("<path") == 6
    assert "…" not in drawn


def test_an_outage_shows_where_it_was() -> None:
    drawn = charts.outages(charts.columns(view().minutes), "label")
    assert "l-down" in drawn
    assert "l-up" in drawn


def test_a_verb_that_is_not_there_leaves_its_panel_empty() -> None:
    drawn = fragments(replace(view(), known={}))
    assert "does not tell of zones" in drawn["zones"]
    assert "does not tell of servers" in drawn["servers"]


def _drill(said: str, names: int = 1) -> list[dict[str, Any]]:
    shares = {"fresh": 0.5, "stale": 0.25, "unknown": 0.0, "failed": 0.25}
    moments = [{"after_s": after_s, "names": 4, **shares} for after_s in (0.0, 3600.0)]
    worth = [{"feature": said, "is_on": True, "points": [1.0, 2.5]}]
    row = {"name": said, "type": said, "after_s": 3600.0, "cut": said, "why": said}
    report = {"verdict": said, "servers": said, "moments": moments, "worth": worth}
    return [{"report": report}, {"failing": [row] * names}]


def test_a_drill_shows_its_curve_and_what_fails_first() -> None:
    shown = drilled(_drill("words", names=WEB_ROWS + 2))
    text = " ".join(_Parsed(shown).texts)
    for said in ("at once", "after 1 h", "50 %", "25 %", "+2.5", "and 2 more"):
        assert said in text


@pytest.mark.parametrize("said", HOSTILE)
def test_a_drill_is_the_same_whatever_names_there_are(said: str) -> None:
    good, bad = _Parsed(drilled(_drill("example"))), _Parsed(drilled(_drill(said)))
    assert (bad.tags, bad.names) == (good.tags, good.names)
