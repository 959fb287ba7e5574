"""What contrib/ gives to Prometheus and Grafana names metrics that there are, and can be read."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from resolver.daemon.registry import registry_of
from resolver.telemetry.shared_counters import _STARTS
from tests.docs.pages import ROOT
from tests.recurse.household import house, village
from tests.support import trio_test

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES = ROOT / "contrib" / "prometheus" / "resolver.rules.yml"
DASHBOARD = ROOT / "contrib" / "grafana" / "resolver.json"
OPERATIONS = ROOT / "docs" / "operations.md"
PROMTOOL = shutil.which("promtool")
_METRIC = re.compile(r"\bresolver_[a-z0-9_]+")
_PARTS = ("_bucket", "_sum", "_count")


async def known() -> set[str]:
    """Every metric, the parts of a histogram among them."""
    async with house(village()) as home:
        families = {**registry_of(home.daemon).families, _STARTS.name: _STARTS}
    names = set(families)
    names |= {f"{name}{part}" for name in names if families[name].is_histogram for part in _PARTS}
    return names


def expressions() -> Iterator[str]:
    """All that the dashboard asks Prometheus for."""
    board: dict[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
    for panel in board["panels"]:
        assert panel["targets"], panel["title"]
        yield from (target["expr"] for target in panel["targets"])
    yield from (each["query"] for each in board["templating"]["list"] if each["type"] == "query")


@trio_test
async def test_the_dashboard_shows_metrics_that_there_are() -> None:
    found = [name for expression in expressions() for name in _METRIC.findall(expression)]
    assert len(found) > 50
    assert set(found) - await known() == set()


@trio_test
async def test_the_alerts_watch_metrics_that_there_are() -> None:
    lines = RULES.read_text("utf-8").splitlines()
    found = {name for line in lines if "#" not in line for name in _METRIC.findall(line)}
    assert len(found) > 10
    assert found - await known() == set()


@trio_test
async def test_the_table_of_alerts_speaks_of_metrics_that_there_are() -> None:
    text = OPERATIONS.read_text("utf-8").partition("### Alerts")[2].partition("\n## ")[0]
    found = {name for name in _METRIC.findall(text) if not name.endswith("_")}
    assert found
    assert found - await known() == set()


@pytest.mark.skipif(PROMTOOL is None, reason="not installed: promtool")
def test_prometheus_reads_the_alerts_and_the_dashboards_expressions() -> None:
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, "check", "rules", str(RULES)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rules = [
        f"      - record: panel:{number}\n        expr: {json.dumps(_plain(expression))}"
        for number, expression in enumerate(expressions())
        if not expression.startswith("label_values")
    ]
    text = "\n".join(["groups:", "  - name: panels", "    rules:", *rules, ""])
    done = subprocess.run(
        [PROMTOOL, "check", "rules", "/dev/stdin"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _plain(expression: str) -> str:
    """As Grafana sends it."""
    return expression.replace("$__rate_interval", "1m").replace("$instance", ".*")
