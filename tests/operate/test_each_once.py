"""What several workers say of the same zones, servers and names is one report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resolver.limits import FOLLOWED_LINES
from resolver.operate.follow import FOLLOW
from resolver.operate.pops import POPS
from resolver.operate.servers import SERVERS
from resolver.operate.stats import STATS
from resolver.operate.status import STATUS
from resolver.operate.warm import WARM
from resolver.operate.why import WHY
from resolver.operate.zones import TALLY

if TYPE_CHECKING:
    from resolver.operate.verb import Reply, Verb


def _merged(verb: Verb, *replies: Reply) -> Reply:
    assert verb.merge is not None
    return verb.merge([*replies])


def _slow(zone: str, asked: int, mean_ms: float) -> dict[str, Any]:
    return {"zone": zone, "asked": asked, "mean_ms": mean_ms, "longest_ms": 2 * mean_ms}


def _failing(zone: str, asked: int, ago: float, reason: str) -> dict[str, Any]:
    return {"zone": zone, "asked": asked, "failed": 1, "failed_s_ago": ago, "reason": reason}


def test_zones_are_told_once_with_all_that_was_asked() -> None:
    one = {"known": 2, "failing": [_failing("a.", 3, 9.0, "old")],
           "slow": [_slow("a.", 3, 30.0), _slow("b.", 1, 1.0)]}  # fmt: skip
    other = {"known": 2, "failing": [_failing("c.", 1, 5.0, "c"), _failing("a.", 1, 8.0, "")],
             "slow": [_slow("a.", 1, 10.0), _slow("c.", 2, 99.0)]}  # fmt: skip
    told = _merged(TALLY, one, other)
    assert told["known"] == 3
    assert [(row["zone"], row["asked"]) for row in told["slow"]] == [
        ("c.", 2),
        ("a.", 4),
        ("b.", 1),
    ]
    assert told["slow"][1] == _slow("a.", 4, 25.0) | {"longest_ms": 60.0}
    assert told["failing"][0] == _failing("c.", 2, 5.0, "c")
    assert told["failing"][1] == _failing("a.", 4, 8.0, "old") | {"failed": 2}


def _server(host: str, answers: int, ago: float | None, **more: Any) -> dict[str, Any]:
    row = {"address": host, "port": 53, "transport": "udp", "state": "answers",
           "answers": answers, "answered_s_ago": ago, "rtt_ms": 10.0 * answers}  # fmt: skip
    return row | more


def _about(measured: int) -> dict[str, Any]:
    return {"measured": measured, "local": measured}


def test_servers_are_told_once_as_who_heard_of_them_last_knows_them() -> None:
    one = {"known": 2, "geography": _about(1), "by": "used", "typical_rtt_ms": 5.0,
           "servers": [_server("a", 3, 9.0, bound_km=300, instance="x"),
                       _server("b", 1, 4.0)]}  # fmt: skip
    other = {"known": 3, "geography": _about(2), "by": "used", "typical_rtt_ms": 6.0,
             "servers": [_server("c", 2, None), _server("a", 1, 2.0, bound_km=200)]}  # fmt: skip
    told = _merged(SERVERS, one, other)
    assert [row["address"] for row in told["servers"]] == ["a", "c"]  # no more than one shows
    assert told["servers"][0] == _server("a", 4, 2.0, bound_km=200, instance="x", rtt_ms=10.0)
    assert (told["known"], told["geography"], told["typical_rtt_ms"]) == (3, _about(2), 6.0)
    pops = _merged(POPS, one, other)
    assert [row["address"] for row in pops["servers"]] == ["a", "b", "c"]
    assert pops["servers"][0]["instance"] == "x"


def _warm(name: str, score: float, used_s_ago: int, *, by_hand: bool = False) -> dict[str, Any]:
    return {"name": name, "type": "A", "score": score, "by_hand": by_hand,
            "used_s_ago": used_s_ago, "left_s": used_s_ago}  # fmt: skip


def test_names_in_use_are_told_once_with_their_use_in_all() -> None:
    one = {"known": 2, "renewed": 5, "budget_packets": 10,
           "names": [_warm("h.", 0.0, 60, by_hand=True), _warm("a.", 3.0, 9)]}  # fmt: skip
    other = {"known": 2, "renewed": 1, "budget_packets": 20,
             "names": [_warm("a.", 1.5, 2), _warm("b.", 1.0, 1)]}  # fmt: skip
    told = _merged(WARM, one, other)
    assert (told["known"], told["renewed"], told["budget_packets"]) == (3, 6, 30)
    assert told["names"] == [
        _warm("h.", 0.0, 60, by_hand=True), _warm("a.", 4.5, 2) | {"left_s": 9},
    ]  # fmt: skip
    kept = {"name": "a.", "type": "A", "kept_warm": True}
    assert _merged(WARM, kept, kept) == kept


def test_a_name_that_fails_in_any_worker_is_told_to_fail() -> None:
    def knows(state: str) -> Reply:
        return {"because": f"it is {state}", "links": [{"state": state}]}

    told = _merged(WHY, knows("unknown"), knows("kept"), knows("failed"))
    assert told["because"] == "it is failed"
    assert told["elsewhere"] == ["it is unknown", "it is kept"]
    assert _merged(WHY, knows("unknown"), knows("kept"))["because"] == "it is kept"
    assert _merged(WHY, knows("kept"), knows("kept")) == knows("kept")
    answered_here: Reply = {"because": "it is answered here", "links": []}
    assert _merged(WHY, answered_here, answered_here) == answered_here


def _status(since: float, outages: int, *, is_up: bool) -> Reply:
    link = {"is_up": is_up, "since": since, "outages": outages, "outage_s": 2.0 * outages,
            "ways_cut_off": int(not is_up)}  # fmt: skip
    memory = {"rrsets": 2, "caches_part": 1.0 / outages}
    return {"link": link, "queries": {"packets": 1}, "memory": memory, "warm_names": outages,
            "geography": _about(outages), "store": {"octets_written_day": 7},
            "started_at": since - 5, "up_s": 100 - since}  # fmt: skip


def test_the_link_is_one_for_all() -> None:
    told = _merged(STATUS, _status(10, 3, is_up=True), _status(20, 2, is_up=True))
    assert told["link"] == _status(20, 3, is_up=True)["link"]
    assert (told["queries"], told["memory"]) == (
        {"packets": 2},
        {"rrsets": 4, "caches_part": 1 / 3},
    )
    assert (told["store"], told["warm_names"]) == ({"octets_written_day": 14}, 3)
    assert (told["started_at"], told["up_s"]) == (5, 90), "of the eldest"
    told = _merged(STATUS, _status(10, 3, is_up=True), _status(20, 2, is_up=False))
    assert told["link"] == _status(20, 3, is_up=True)["link"] | {"is_up": False, "ways_cut_off": 1}


def test_an_outage_that_all_see_is_one() -> None:
    def counted(seconds: float) -> Reply:
        return {"cpu_s": 0.0, "gauges": {"ways_cut_off": 1},
                "counters": {"outage_seconds_total": seconds, "udp_queries_total": 4}}  # fmt: skip

    told = _merged(STATS, counted(3.0), counted(2.5))
    assert told["counters"] == {"outage_seconds_total": 3.0, "udp_queries_total": 8}
    assert told["gauges"] == {"ways_cut_off": 1}


def test_a_live_log_has_the_queries_of_all_in_their_order() -> None:
    def told(*times: str) -> Reply:
        return {"queries": [{"t": one} for one in times], "more": len(times)}

    assert _merged(FOLLOW, told("1", "4"), told("2", "3")) == {
        "queries": [{"t": one} for one in "1234"], "more": 4,
    }  # fmt: skip
    many = told(*(["1"] * FOLLOWED_LINES))
    both = _merged(FOLLOW, many, many)
    assert (len(both["queries"]), both["more"]) == (FOLLOWED_LINES, 3 * FOLLOWED_LINES)
