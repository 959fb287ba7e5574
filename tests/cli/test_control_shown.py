"""What `resolver control` shows to people: a page that says what matters, and moves no cursor."""

from __future__ import annotations

import time
from typing import Any

from resolver.cli.control import BY_HAND
from resolver.cli.control_parts import table
from resolver.cli.control_shown import SHOWN, shown
from resolver.cli.control_stats import shown as stats_shown
from resolver.operate.verbs import VERBS
from resolver.runtime.units import octets

_STATUS: dict[str, Any] = {
    "version": "1.2", "pid": 7, "started_at": 1e9, "up_s": 7300.0, "workers": 2,
    "listening": ["127.0.0.1:53"], "missing": ["[::1]:53 (UDP)"], "is_drained": False,
    "link": {"is_up": True, "since": 1e9, "outages": 2, "outage_s": 840.0, "ways_cut_off": 1},
    "queries": {
        "packets": 6, "caches": 2, "local": 0, "servers": 1, "failed": 1, "refused": 0,
        "malformed": 0, "stale": 1, "limited": 0,
    },
    "memory": {
        "resident_octets": 50 << 20, "budget_octets": 128 << 20, "cache_octets": 1 << 20,
        "rrsets": 48_210, "caches_part": 1.0, "pools": {
            "records": {"octets": 1 << 20, "most_octets": 30 << 20},
            "zone_cuts": {"octets": 2 << 20, "most_octets": 3 << 20},
            "quic": {"octets": 0, "most_octets": 1 << 20},
        },
    },
    "warm_names": 212,
    "geography": {
        "access_ms": 612.4, "link_ms": 712.0, "link_from": "assumed",
        "looks_like": "GEO satellite", "measured": 14, "local": 3, "regional": 9, "far": 2,
        "outages": 1,
        "sentence": "link looks like GEO satellite (612 ms to the nearest server)",
    },
    "certificates": [{"pin": "sha256/abc", "names": ["dns.example.net"], "valid_until": 2e9}],
    "store": {"octets_written_day": 3 << 20},
    "root_copy": {"serial": 2026112801, "age_s": 2460.0, "is_in_use": True},
}  # fmt: skip


def _page(**changes: object) -> str:
    return "\n".join(shown("status", _STATUS | changes))


def test_a_status_is_a_page() -> None:
    page = _page()
    assert page.startswith("resolver 1.2, since 2001-09-")
    assert "(2 h 2 min), 2 processes" in page
    assert "not bound yet: [::1]:53 (UDP)" in page
    assert "(2 outages, 14 min); 1 forward or stub zones cannot be reached" in page
    assert "queries: 10, from memory 80.0 %, from servers 10.0 %, failed 10.0 %; 1 stale" in page
    assert "servers: 3 local, 9 regional, 2 far; the nearest in 612.4 ms" in page
    assert "\nlink looks like GEO satellite (612 ms to the nearest server)\n" in page
    assert "\n1 partial outages in the last 90 days told who is near\n" in page
    assert "memory: 50.0 MiB of 128.0 MiB, caches 1.0 MiB, 48210 sets of records\n" in page
    assert "kept warm: 212 names in use" in page
    assert "on disk: 3.0 MiB written in a day" in page
    assert "root copy: 2026112801, in use, confirmed 41 min ago" in page
    assert "certificate: for dns.example.net, until 2033-" in page


def test_what_each_pool_of_memory_holds_is_told_the_largest_first() -> None:
    page = _page()
    rows = [line.split() for line in page.splitlines() if "MiB" in line and line[:2] == "  "]
    assert rows == [
        ["zone", "cuts", "2.0", "MiB", "3.0", "MiB"],
        ["records", "1.0", "MiB", "30.0", "MiB"],
    ]
    assert "short" not in page
    memory = _STATUS["memory"] | {"caches_part": 0.375}
    assert "  it is short: caches may have 38% of their shares" in _page(memory=memory)


def test_queries_over_a_rate_are_told_where_there_are_any() -> None:
    assert "over a rate" not in _page()
    queries = _STATUS["queries"] | {"limited": 12}
    assert "; 1 stale; 12 over a rate" in _page(queries=queries)


def test_lists_are_told_where_there_are_any() -> None:
    assert "lists" not in _page()
    lists = {"lists": 3, "names": 4000, "oldest_s": 7200.0, "paused_until": 0.0, "troubles": []}
    assert "lists: 3, with 4000 names, the oldest as of 2 h ago\n" in _page(lists=lists)
    assert "names, none ever good\n" in _page(lists=lists | {"oldest_s": None})
    lists |= {"paused_until": 1e9, "troubles": ["ads: no answer"]}
    assert "2 h ago, paused until 2001-09-" in _page(lists=lists)
    assert "\n  ads: no answer\n" in _page(lists=lists)
    blocked = _STATUS["queries"] | {"blocked": 10}
    assert "queries: 20, from memory 40.0 %" in _page(queries=blocked)
    assert "; 10 blocked" in _page(queries=blocked)


def test_a_link_that_is_down_is_said_to_be() -> None:
    link = {"is_up": False, "since": 1e9, "outages": 1, "outage_s": 5.0, "ways_cut_off": 1}
    assert "link: down since 2001-" in _page(link=link)
    assert "cannot be reached" not in _page(link=link)


def test_what_is_not_there_is_said_to_be_none() -> None:
    page = _page(store=None, root_copy=None, certificates=[], listening=[], is_drained=True)
    assert "listening on nothing (drained)" in page
    assert "on disk: nothing is kept" in page
    assert "root copy: none" in page


def test_a_verb_without_a_form_is_shown_key_by_key() -> None:
    reply = {
        "is_on": True, "rtt_s": 0.25, "names": ["a.", "b."], "none": [], "of": {"a": 1},
        "servers": [{"address": "192.0.2.1", "n": 1}, {"address": "192.0.2.100", "n": None}],
    }  # fmt: skip
    assert list(shown("no such verb", reply)) == [
        "is on: yes", "rtt s: 0.25", "names: a., b.", "none: none", "of: a 1",
        "servers:",
        "  address      n",
        "  192.0.2.1    1",
        "  192.0.2.100  none",
    ]  # fmt: skip


def test_nothing_in_a_reply_moves_the_cursor() -> None:
    assert list(shown("no such verb", {"name": "a\x1b[2Jb\nc"})) == ["name: a?[2Jb?c"]


def test_a_reload_is_a_table() -> None:
    change = {"key": "log.level", "effect": "reopen", "before": "warning", "now": "info"}
    reply = {"said": "reloaded: reopened: log.level", "changes": [change], "files": []}
    assert list(shown("reload", reply))[2].split() == [
        "log.level", "warning", "info", "now", "(reopened)",
    ]  # fmt: skip
    assert list(shown("reload", reply | {"changes": []})) == [reply["said"]]


def test_what_the_counters_come_to() -> None:
    reply = {
        "up_s": 60.0, "cpu_s": 1.0,
        "counters": {"packet_cache_hits_total": 9, "clients_resolved_total": 1,
                     "udp_queries_total": 10},
        "gauges": {"rrset_cache_bytes": 2048, "rrset_cache_entries": 2},
    }  # fmt: skip
    page = "\n".join(stats_shown(reply))
    assert "from ready packets" in page
    assert "90.0 %" in page
    assert "rrset cache  2 entries  2.0 KiB" in page


def test_how_long_clients_waited_by_source() -> None:
    """Of a histogram: the bounds within which half of them, and 95 %, were answered."""
    counters = {
        f'query_seconds_bucket{{from="{source}",le="{bound}"}}': count
        for source, counts in {"cache": (90, 96, 100), "network": (0, 1, 2)}.items()
        for bound, count in zip(("0.001", "0.05", "+Inf"), counts, strict=True)
    }
    reply = {"up_s": 1.0, "cpu_s": 1.0, "counters": counters, "gauges": {}}
    rows = [line.split() for line in stats_shown(reply) if line.startswith("  from ")]
    assert ["from", "cache", "1", "ms", "50", "ms"] in rows
    assert ["from", "network", "50", "ms", "longer"] in rows


def test_sizes_and_tables() -> None:
    assert [octets(n) for n in (0, 1023, 1024, 5 << 30)] == [
        "0 octets", "1023 octets", "1.0 KiB", "5.0 GiB",
    ]  # fmt: skip
    assert list(table([("a", "bb"), ("ccc", "d")])) == ["a    bb", "ccc  d"]


def test_a_spell_behind_a_portal_says_whom_it_asks_and_for_how_long() -> None:
    on = {"is_on": True, "left_s": 290, "servers": ["192.168.1.1", "fe80::1"]}
    assert list(shown("captive", on)) == [
        "asking 192.168.1.1, fe80::1, unvalidated, for 4 min 50 s more"
    ]
    off = {"is_on": False, "left_s": 0, "servers": []}
    assert list(shown("captive", off)) == ["off: all goes by the configuration"]


def test_health_is_told_as_by_its_own_command() -> None:
    verdict = {
        "is_healthy": False, "is_last_resort": True, "since": time.time() - 7200,
        "reasons": ["link: nobody answers"],
        "conditions": {"link": {"is_met": False, "says": "nobody answers", "counts": True}},
    }  # fmt: skip
    assert list(shown("health", verdict)) == [
        "not healthy for 2 h; link: nobody answers", "  link  NO  nobody answers",
    ]  # fmt: skip


def test_lists_are_a_table_with_what_is_wrong_below() -> None:
    good = {"name": "ads", "kind": "block", "source": "/etc/ads", "rules": 4000, "bad": 2,
            "aside": 0, "age_s": 5400, "trouble": "", "shown": []}  # fmt: skip
    lost = good | {"name": "far", "rules": 0, "bad": 0, "age_s": None, "trouble": "no reply"}
    reply = {"lists": [good, lost], "is_paused": True, "paused_left_s": 90}
    assert list(shown("lists show", reply)) == [
        "LIST  KIND   NAMES  BAD LINES  AS OF           SOURCE",
        "ads   block  4,000  2          1 h 30 min ago  /etc/ads",
        "far   block  0                 never good      /etc/ads",
        "far: no reply",
        "paused: nothing is blocked for 1 min 30 s more",
    ]
    none = {"lists": [], "is_paused": False, "paused_left_s": 0}
    assert list(shown("lists show", none)) == [
        "there are no lists: [[block]], [[allow]] (docs/policy.md)"
    ]


def test_what_a_list_says_of_a_name_is_a_sentence() -> None:
    told = {"name": "a.ads.", "view": "default", "blocked": True, "why": "a list has it",
            "list": "ads", "line": 3, "rule": "||ads^"}  # fmt: skip
    assert list(shown("lists test", told)) == [
        "a.ads. is blocked: a list has it", "list ads line 3: ||ads^",
    ]  # fmt: skip


def test_zones_that_fail_and_that_are_slow_are_tables() -> None:
    failing = {"zone": "dead.", "asked": 9, "failed": 3, "failed_s_ago": 61.2, "reason": "22"}
    slow = {"zone": "far.", "asked": 2, "mean_ms": 400.04, "longest_ms": 500.0}
    assert list(shown("zones", {"known": 7, "failing": [failing], "slow": [slow]})) == [
        "7 zones were asked",
        "",
        "FAILING  FAILED  ASKED  LAST           REASON",
        "dead.    3       9      1 min 1 s ago  22",
        "",
        "SLOWEST  ASKED  MEAN      LONGEST",
        "far.     2      400.0 ms  500.0 ms",
    ]
    assert list(shown("zones", {"known": 0, "failing": [], "slow": []})) == ["0 zones were asked"]


def test_each_verb_has_a_form_of_its_own() -> None:
    """Key by key is for programs, and they have --json."""
    assert {verb.name for verb in VERBS} == SHOWN.keys() | BY_HAND.keys()
