"""The same daemon with the page open and without it, A B A B: CPU a hit at a steady rate.

`python -m bench.page --rounds 15 --rate 20000`. On one side somebody has the page open with the
token, and its live log; its process is on the other core and is counted apart. Each round has
daemons of its own and measures both sides; what is told is the geometric mean of the rounds' ratios
with its 95 % interval. Then, where Chromium is installed, how soon the page is painted first.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.throughput import load
from bench.throughput.contestants import Peer, ours
from bench.throughput.pairs import HIT_NAMES, interval
from bench.throughput.turns import Bench

if TYPE_CHECKING:
    from collections.abc import Iterator

WEB = 8253
URL = f"http://127.0.0.1:{WEB}"
BAR, PAINT_BAR_MS = 1.03, 200
READY_S = 30.0
PAINT = "return performance.getEntriesByName('first-contentful-paint').map((one) => one.startTime)"


class Cost(NamedTuple):
    """CPU µs of the daemon a hit, and the share of a core that the page's process took."""

    hit_us: float
    page_share: float


@contextmanager
def viewed(token: str) -> Iterator[None]:
    """Somebody has the page open, and the live log."""
    command = ["curl", "-sN", "-H", f"Authorization: Bearer {token}", "-o", os.devnull]
    open_now = [subprocess.Popen([*command, f"{URL}/{path}"]) for path in ("live", "log")]
    try:
        yield
    finally:
        for one in open_now:
            one.terminate()
            one.wait(5)


def token_of(peer: Peer, folder: Path) -> str:
    """What its page takes, once that is there."""
    ends_at = time.monotonic() + READY_S
    while True:
        try:
            urllib.request.urlopen(f"{URL}/api/numbers", timeout=5).close()  # noqa: S310  # our own
            return (folder / peer.name / "state" / "web-token").read_text().strip()
        except OSError:
            if time.monotonic() > ends_at:
                raise
            time.sleep(0.1)


def measured(peer: Peer, file: Path, bench: Bench, rate: int) -> Cost:
    """One turn at *rate*."""
    pids, before = peer.pids, peer.cpu_by_process()
    for child in pids[1:]:
        os.sched_setaffinity(child, {bench.load_core})
    began = time.monotonic()
    cost = load.run(peer, file, core=bench.load_core, seconds=bench.seconds, rate=rate)
    elapsed_s = time.monotonic() - began
    spent = [after - one for after, one in zip(peer.cpu_by_process(), before, strict=True)]
    answered = cost.per_second * bench.seconds
    return Cost(1e6 * spent[0] / answered, sum(spent[1:]) / elapsed_s)


def pairs(bench: Bench, rate: int) -> None:
    """The table, a row for each side."""
    told = f'web.listen = "127.0.0.1:{WEB}"'
    here, there = ours("open", port=5480, told=told), ours("without", port=5486)
    file = load.names_file(bench.folder, "plain", load.plain(HIT_NAMES))
    costs: dict[str, list[Cost]] = {here.name: [], there.name: []}
    for at in range(bench.rounds):
        order = (here, there) if at % 2 == 0 else (there, here)
        with bench.running([here, there]), viewed(token_of(here, bench.folder)):
            for peer in order:
                load.run(peer, file, core=bench.load_core, passes=1)
                costs[peer.name].append(measured(peer, file, bench, rate))
    ratios = [
        one.hit_us / other.hit_us
        for one, other in zip(costs[here.name], costs[there.name], strict=True)
    ]
    low, mean, high = interval(ratios)
    print(f"\n## The page open at {rate} hits a second\n")
    print("| rounds | open µs | without µs | ratio | 95 % interval | bar | page's process |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    medians = [statistics.median(one.hit_us for one in costs[peer.name]) for peer in (here, there)]
    share = statistics.median(one.page_share for one in costs[here.name])
    print(
        f"| {bench.rounds} | {medians[0]:.2f} | {medians[1]:.2f} | {mean:.3f} "
        f"| {low:.3f} – {high:.3f} | {BAR} | {100 * share:.1f} % of a core |"
    )


def painted(bench: Bench) -> None:
    """How soon, of ten visits."""
    if shutil.which("chromium") is None or shutil.which("chromedriver") is None:
        print("\nfirst paint: chromium and chromedriver are not installed")
        return
    from selenium import webdriver  # noqa: PLC0415  # for this alone
    from selenium.webdriver.chrome.service import Service  # noqa: PLC0415

    peer = ours("open", port=5480, told=f'web.listen = "127.0.0.1:{WEB}"')
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    with bench.running([peer]):
        token_of(peer, bench.folder)
        driver = webdriver.Chrome(options, Service(shutil.which("chromedriver") or ""))
        try:
            found = []
            for _ in range(11):
                driver.get(URL)
                while not (times := driver.execute_script(PAINT)):
                    time.sleep(0.05)
                found.append(times[0])
        finally:
            driver.quit()
    rest = sorted(found[1:])  # the first has the browser's own start in it
    print(f"\nfirst paint: half within {statistics.median(rest):.0f} ms, all within "
          f"{rest[-1]:.0f} ms (bar {PAINT_BAR_MS})")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one timed run")
    parser.add_argument("--rate", type=int, default=20_000, help="hits a second")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        parser.error("two CPUs are needed: one for the daemon, one for the load and the page")
    with tempfile.TemporaryDirectory(prefix="page-") as folder:
        Path(folder).chmod(0o755)
        bench = Bench(
            folder=Path(folder), server_core=cores[0], load_core=cores[1], rounds=options.rounds,
            seconds=options.seconds, only=frozenset(), names=0,
        )  # fmt: skip
        pairs(bench, options.rate)
        painted(bench)


if __name__ == "__main__":
    main()
