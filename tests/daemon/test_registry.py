"""Every counter of the program is in the registry, and Prometheus' own tool finds no fault."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import shutil
import subprocess
from pathlib import Path

import pytest

import resolver
from resolver.daemon.list_keeper import ListKeeper
from resolver.daemon.pages import health_of
from resolver.daemon.registry import registry_of
from resolver.policy.rpz import Row
from resolver.protocol.transport import Transport
from resolver.telemetry.metrics import Registry
from resolver.telemetry.shared_counters import SharedCounters, Slot
from tests.asking import SOURCE, octets, replied
from tests.making import question
from tests.recurse.household import house, village
from tests.support import trio_test

SOURCES = Path(resolver.__file__).parent
PROMTOOL = shutil.which("promtool")
NOT_METRICS = (
    "cli",
    "lab",
    "protocol",
    "web",
)  # rooms that do not live in a daemon, or only compute

# What is added to and is no counter of the process. A new `x.name += …` is either in the COUNTS of
# its class, or here with a reason.
NO_COUNTERS = {
    "a quantity that shrinks too, shown as a gauge": {
        "octets", "in_flight", "unattended", "unsent_octets", "weight", "_taken", "connections",
        "charged", "held_octets", "half_open", "_octets", "_waiting", "_size",
        "_on_their_way",
    },
    "what one list came to, which `control lists show` tells": {
        "aside", "bad", "rules", "left_out", "failures", "names",
    },
    "of those who look at the page now, or of a second of a live log": {
        "_hits", "_more",
    },
    "part of one computation, or of one query": {
        "_lines", "_specials", "_drafts",
        "_rrsets", "_proofs", "_ede", "_signatures", "_hashes", "_steps", "mismatches",
        "total", "denials", "cut_proof", "sent", "asked", "_unsent", "_rounds",
        "_cuts", "_at", "count",
        "_seen", "_unsigned", "_depth", "_open_octets", "unheard",
        "_items", "_line", "_reply", "_refusals", "_strangers", "_told",
    },
    "what one server, connection or worker has done": {
        "n", "fails", "served", "_strays", "_held_octets", "_taken_octets", "hits", "_answered",
        "silence_s", "global_log_rtt",
        "_overdue", "awaited", "cookie_silences", "doubts", "edns_silences", "streams", "waiting",
        "_asked", "_resets", "_under_way", "passed", "_failed", "_in_vain", "took_s", "_greetings",
        "repeats",
    },
    "what one HTTP connection has come to": {
        "_body", "_continuations", "_opened", "_out", "_read", "_resets", "_streams", "_writing",
        "body", "held_octets", "unacknowledged", "useful_octets",
    },
    "what one policy zone has, told in its log line": {"bad", "records", "left_out"},
    "the use of one name, and what an hour's renewals came to": {
        "score", "used", "wasted", "mean_s", "spread_s",
    },
    "a number that tells states apart": {"_next_suffix", "_number", "generation", "number"},
    "read by another process, or of no use but to tell things apart": {"told"},
    "parts of other numbers of the same class": {
        "_aside", "_middle_passes", "_middle_us", "_much_looks", "void", "dnames", "_over",
    },
    "of a task, counted by trio": {"_cancel_points", "_schedule_points"},
    "registered by `Registry.total`, or `Registry.histogram`": {"connects", "_outage_s", "sum_s"},
    "of the parent of the workers; the shared page counts their starts": {"restarts"},
}  # fmt: skip


def modules() -> list[str]:
    found = pkgutil.walk_packages([str(SOURCES)], "resolver.")
    return [module.name for module in found if module.name.split(".")[1] not in NOT_METRICS]


def counting_classes() -> set[type]:
    classes: set[type] = set()
    for name in modules():
        if name.endswith("__main__"):
            continue
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, type) and "COUNTS" in vars(value):
                classes.add(value)
    return classes


def added_to() -> dict[str, set[str]]:
    """Attributes that are added to, by the slots that do."""
    found: dict[str, set[str]] = {}
    for path in SOURCES.rglob("*.py"):
        room = path.relative_to(SOURCES)
        if room.parts[0] in NOT_METRICS:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add)):
                continue
            if isinstance(node.target, ast.Attribute):
                found.setdefault(node.target.attr, set()).add(f"{room}:{node.lineno}")
    return found


@trio_test
async def test_every_class_that_counts_is_in_the_registry() -> None:
    async with house(village()) as home:
        registry = registry_of(home.daemon)
    assert counting_classes() == registry.kinds


def test_whatever_is_added_to_is_a_counter_or_says_why_not() -> None:
    counted = {name for kind in counting_classes() for name in kind.COUNTS}  # type: ignore[attr-defined]
    excused = set().union(*NO_COUNTERS.values())
    found = added_to()
    unknown = {name: slots for name, slots in found.items() if name not in counted | excused}
    assert unknown == {}
    assert sorted(excused - found.keys()) == []  # no excuse outlives its reason


@trio_test
async def test_numbers_follow_what_happens() -> None:
    async with house(village()) as home:
        registry = registry_of(home.daemon)
        before = dict(registry.values())
        asked = octets(question("www.example.net. A"))
        await replied(home, asked)
        fast_path = home.pipeline.fast_path(Transport.UDP)
        fast_path.recall(asked, SOURCE)
        fast_path.hits += 1  # as listeners do, once a batch
        after = registry.values()
        grown = {name: after[name] - before[name] for name in after}
        assert grown["resolver_clients_queries_total"] == 1
        assert grown["resolver_clients_resolved_total"] == 1
        assert grown["resolver_packet_cache_hits_total"] == 1
        assert grown["resolver_packet_cache_stored_total"] == 1
        assert grown["resolver_packet_cache_entries"] == 1
        assert grown["resolver_packet_cache_bytes"] > 100
        assert grown["resolver_rrset_cache_entries"] >= 1
        assert grown["resolver_upstream_sent_udp_total"] == home.sent


@pytest.mark.parametrize("workers", [1, 3])
@trio_test
async def test_prometheus_finds_no_fault_with_the_page(
    workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ListKeeper, "ages", lambda _: {'list="ads"': 1.0})
    async with house(village()) as home:
        await replied(home, octets(question("www.example.net. A")))
        registry = registry_of(home.daemon)
        home.daemon.metering.extended_errors[22] = 1  # what nobody met yet is not there
        zone = Row("rpz.test", 1, 1, 1.0, is_expired=False, trouble="")
        home.daemon.parts.base.rpzs.rows = lambda: [zone]
        health_of(home.daemon).begin()
        page = _page(registry, workers)
    assert page.count("# HELP") == len(registry.families) + (workers > 1)
    assert _faults(page) == ""


def test_prometheus_would_find_a_fault() -> None:
    """The look above is one that can fail."""
    registry = Registry()
    registry.gauge("things_total", "", lambda: 1)
    assert "no help text" in _faults(registry.text())


def _faults(page: str) -> str:
    """What Prometheus' own tool has to say of *page*."""
    if PROMTOOL is None:
        pytest.skip("not installed: promtool")
    done = subprocess.run(
        [PROMTOOL, "check", "metrics"],
        input=page,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stdout + done.stderr


def _page(registry: Registry, workers: int) -> str:
    if workers == 1:
        return registry.text()
    board = SharedCounters(workers)
    for worker in range(workers):
        board.note_start(worker)
        page = Slot(board, worker).page(registry)
    return page.text()
