"""`python -m bench.memory`: is the budget of memory kept, and is the daemon ever killed for it?

The default configuration with everything on (TLS, HTTPS, QUIC, cache on disk, query log, metrics,
health, control, page, a block list of 100,000 names), in a cgroup with a hard limit of `--limit`
MiB, under each attack of `bench.attack` in turn. Shown: the budget ("auto": a quarter of the
limit), what serves clients at its peak (RSS), the helpers beside it, all that the cgroup was
charged with, how many processes the kernel killed, and the well-behaved client's times. Status 1 if
a process was killed, or RSS is over the budget by more than a quarter. `--week` has
`bench.memory.week` instead. Needs root, iproute2 and a cgroup whose memory can be limited.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time

from bench.attack import bed, run
from bench.attack.client import quantile
from bench.common import cgroups
from bench.memory import week
from resolver.config.load import loads
from resolver.config.shares import budget_octets
from tests.simulation import netns

MEBI = 1 << 20
OVER = 1.25  # of the budget, that RSS may be
NAMES = 100_000
HEADER = (
    "attack", "budget MB", "RSS MB before", "at peak", "of the budget", "helpers", "cgroup at peak",
    "killed", "hits ms quiet / attack / after", "remark",
)  # fmt: skip
_ON = """log.queries = "all"
health.listen = "203.0.113.1:8081"
web.listen = "127.0.0.1:8053"
control.socket = "{folder}/control"
block = [{{source = "{folder}/../blocked"}}]
"""


def main() -> int:
    arguments = _arguments()
    if arguments.week:
        return week.week(days=arguments.days, limit=arguments.limit * MEBI)
    if reason := netns.missing() or cgroups.missing():
        print(f"memory: {reason}", file=sys.stderr)
        return 2
    chosen = [each for each in run.ATTACKS if not arguments.only or each.key in arguments.only]
    limit = arguments.limit * MEBI
    print(
        f"{time.strftime('%Y-%m-%d')}, {run.load()}, {arguments.seconds:.0f} s an attack, a cgroup "
        f"of {arguments.limit} MiB\n"
    )
    print("| " + " | ".join(HEADER) + " |")
    print("|" + "---|" * len(HEADER))
    above = []
    with bed.made() as it:
        (it.folder / "blocked").write_text(
            "".join(f"ads{number}.tracker{number % 997}.test\n" for number in range(NAMES)), "ascii"
        )
        for each in chosen:
            settings = dataclasses.replace(
                each.settings, cache=0, encrypts=True, memory=limit, more=_ON
            )
            attack = each._replace(settings=settings)
            report = run.attack(it, attack, "ours", quiet_s=1.0, attack_s=arguments.seconds)
            budget_mb = budget_of(settings.workers, limit) / 1e6
            print("| " + " | ".join([each.label, *cells(report, budget_mb)]) + " |", flush=True)
            above += [f"{each.key}: {text}" for text in missed(report, budget_mb)]
    print(f"\n{run.load()} at the end")
    for text in above:
        print(f"missed: {text}")
    return int(bool(above))


def budget_of(workers: int, limit: int) -> int:
    """What "auto" comes to in such a cgroup."""
    return budget_octets(loads(f"server.workers = {workers}"), limit)


def cells(report: run.Report, budget_mb: float) -> list[str]:
    """One row of the table, without its label."""
    if report.before is None:
        return [f"{budget_mb:.0f}", "DEAD", *[""] * 6, report.remark]
    hits = " / ".join(
        f"{quantile(phase.hits, 0.5):.1f}–{quantile(phase.hits, 0.99):.1f}"
        for phase in report.phases
    )
    most = most_mb(report)
    return [
        f"{budget_mb:.0f}",
        f"{report.before.serving_mb:.0f}",
        f"{most:.0f}",
        f"{most / budget_mb:.0%}",
        f"{report.before.rss_mb - report.before.serving_mb:.0f}",
        f"{report.group_mb:.0f}",
        f"{report.kills}" if report.is_alive else f"{report.kills}, DEAD",
        hits,
        report.remark,
    ]


def missed(report: run.Report, budget_mb: float) -> list[str]:
    """The bars that it is above."""
    found = []
    if report.kills or not report.is_alive:
        found.append(f"{report.kills} killed")
    if most_mb(report) > OVER * budget_mb:
        found.append(f"RSS {most_mb(report):.0f} MB, budget {budget_mb:.0f}")
    return found


def most_mb(report: run.Report) -> float:
    """What served clients, at its peak; an attack may be over before anybody looked."""
    looks = [one.serving_mb for one in (report.before, report.after) if one is not None]
    return max(report.serving_mb, *looks)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("only", nargs="*", help=f"of: {', '.join(a.key for a in run.ATTACKS)}")
    parser.add_argument("--limit", type=int, default=512, help="MiB of the cgroup (default 512)")
    parser.add_argument("--seconds", type=float, default=5, help="of each attack (default 5)")
    parser.add_argument("--week", action="store_true", help="a week of use in virtual time")
    parser.add_argument("--days", type=float, default=7, help="of the week (default 7)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
