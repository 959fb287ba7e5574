"""One attack on one resolver: quiet, under attack, and until it is as it was.

The attacker and the well-behaved client are processes of their own.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from bench.attack import encrypted, floods, streams
from bench.attack.bed import GOOD, RESOLVER, Settings, Subject, Usage
from bench.attack.client import GoodClient, Phase, quantile

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from bench.attack.bed import Bed

Work = "Callable[[Bed, float], str]"
RECOVERY_S = 10.0
SLACK_MB = 16.0


class Attack(NamedTuple):
    """*by_clients*: the bars of the well-behaved client's times hold."""

    key: str
    label: str
    work: Callable[[Bed, float], str] | None
    settings: Settings = Settings()
    names: tuple[str, ...] = ("ours", "unbound")
    signal: int = 0


_ENCRYPTS = Settings(encrypts=True, is_apart=True)
ATTACKS = (
    Attack("unread-hits", "TCP: big cached answers, unread", streams.unread_hits),
    Attack("unread-misses", "TCP: big new answers, unread", streams.unread_misses),
    Attack("reset", "TCP: ask and reset", streams.reset),
    Attack("tcp-hits", "TCP: 32 x pipelined hits", streams.hits),
    Attack("tcp-misses", "TCP: 32 x 100 misses", streams.misses),
    Attack("idle", "TCP: 500 idle", streams.idle),
    Attack("slow", "TCP: 500 octet by octet", streams.slow),
    Attack("spoof", "UDP: /24 forged, rate limit 200", floods.spoofed_network, Settings(rate=200)),
    Attack(
        "random",
        "UDP: random names from a /24, rate limit 250",
        floods.random_names,
        Settings(rate=250, is_apart=True),
        ("ours", "unbound", "kresd"),
    ),
    Attack("wrong-ids", "upstream: wrong ids, no TCP", floods.wrong_ids),
    Attack(
        "descriptors",
        "TCP: 90 idle, 64 descriptors",
        streams.few_descriptors,
        Settings(descriptors=64),
    ),
    Attack("metrics", "metrics port: 600 silent", streams.scrapers, names=("ours",)),
    Attack(
        "memory",
        "TCP and misses, 400 MB of address space",
        streams.unread_misses,
        Settings(address_space=400 << 20),
    ),
    Attack("hung", "worker stopped (2)", None, Settings(workers=2), ("ours",), signal.SIGSTOP),
    Attack("killed", "worker killed (2)", None, Settings(workers=2), ("ours",), signal.SIGKILL),
    Attack("silent", "UDP: silent zone, 1,000/s", floods.silent_zone),
    Attack("misses", "UDP: new names, 1,000/s", floods.misses),
    Attack("bomb", "DNSBomb", floods.bomb),
    Attack("flush", "CacheFlush", floods.cache_flush),
    Attack("odd", "UDP: odd packets, 2,000/s", floods.odd_packets),
    Attack("babble", "upstream: empty messages over TCP", floods.babble),
    Attack("amplify", "amplification", floods.amplification),
    Attack("tls", "TLS: handshakes, dropped", encrypted.handshakes, _ENCRYPTS),
    Attack("tls-half", "TLS: handshakes cut off", encrypted.half_handshakes, _ENCRYPTS),
    Attack("tls-unread", "TLS: big cached answers, unread", encrypted.unread, _ENCRYPTS),
    Attack("h2-reset", "HTTP/2: rapid reset", encrypted.rapid_reset, _ENCRYPTS),
    Attack("h2-made", "HTTP/2: MadeYouReset", encrypted.made_you_reset, _ENCRYPTS),
    Attack("h2-headers", "HTTP/2: headers without end", encrypted.continuation, _ENCRYPTS),
    Attack("h2-ping", "HTTP/2: pings", encrypted.pings, _ENCRYPTS),
    Attack("quic-begin", "QUIC: begun from a /24", encrypted.initials, _ENCRYPTS, ("ours",)),
    Attack("quic-reset", "QUIC: streams given up", encrypted.given_up, _ENCRYPTS, ("ours",)),
)


@dataclass(slots=True)
class Report:
    """What one resolver went through."""

    name: str
    remark: str = ""
    is_alive: bool = True
    before: Usage | None = None
    peak_mb: float = 0.0
    serving_mb: float = 0.0  # at its peak, of what answers clients
    kills: int = 0
    group_mb: float = 0.0  # of its cgroup, if it has one, at its peak
    peak_descriptors: int = 0
    after: Usage | None = None
    cpu_share: float = math.nan
    phases: list[Phase] = field(default_factory=list)
    recovered_s: float = math.nan

    @property
    def growth_mb(self) -> float:
        """Of resident memory, at its peak."""
        return self.peak_mb - (self.before.rss_mb if self.before else 0.0)

    def cells(self) -> list[str]:
        """One row of the table, without its label."""
        if self.before is None or self.after is None:
            return [self.name, "DEAD", *[""] * 8, self.remark]
        hits = " / ".join(_times(phase.hits) for phase in self.phases)
        misses = " / ".join(_times(phase.misses) for phase in self.phases)
        return [
            self.name if self.is_alive else f"{self.name} DEAD",
            f"{self.before.rss_mb:.0f}",
            f"+{self.growth_mb:.1f}",
            f"{self.after.rss_mb - self.before.rss_mb:+.1f}",
            f"{self.before.descriptors} / {self.peak_descriptors} / {self.after.descriptors}",
            f"{100 * self.cpu_share:.0f}",
            hits,
            misses,
            "-" if math.isnan(self.recovered_s) else f"{self.recovered_s:.0f}",
            self.remark,
        ]


def _times(values: list[float]) -> str:
    """p50 and p99 in milliseconds; with the lost, if any."""
    lost = sum(map(math.isinf, values))
    text = f"{quantile(values, 0.5):.1f}–{quantile(values, 0.99):.1f}"
    return f"{text} ({lost} lost)" if lost else text


class Attacker:
    """A process of its own, there before anything is measured: who forks keeps others waiting."""

    def __init__(self, work: Callable[[], str]) -> None:
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_attack, args=(work, theirs), daemon=True)
        self._process.start()

    def begin(self) -> None:
        self._pipe.send("go")

    def has_ended(self, within_s: float) -> bool:
        return self._pipe.poll(within_s)

    def end(self) -> str:
        """What is to be remarked."""
        remark = str(self._pipe.recv()) if self._pipe.poll() else "attacker hung"
        self._process.kill()
        self._process.join()
        return remark


def _attack(work: Callable[[], str], pipe: Connection) -> None:
    # It is another machine's processor that an attacker burns: nobody here may wait for it.
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    pipe.recv()
    try:
        pipe.send(work())
    except Exception as error:  # noqa: BLE001  # said in the table
        pipe.send(f"attacker failed: {error!r}")


def attack(bed: Bed, which: Attack, name: str, *, quiet_s: float, attack_s: float) -> Report:
    """Start the resolver, let the client measure, attack, wait for recovery."""
    report = Report(name)
    with bed.running(name, which.settings) as subject:
        client = GoodClient(bed, GOOD, RESOLVER)
        attacker = Attacker(_work(bed, which, subject, attack_s))
        try:
            time.sleep(1.0)
            client.phase()  # what came first warms caches
            time.sleep(quiet_s)
            report.phases.append(client.phase())
            report.before = subject.usage()
            report.peak_mb, report.peak_descriptors = report.before[:2]
            _under_attack(attacker, subject, report, attack_s)
            report.remark = attacker.end()
            report.phases.append(client.phase())
            _await_recovery(client, report, subject)
        finally:
            client.stop()
        report.is_alive = subject.alive
        if subject.group is not None:
            report.kills, report.group_mb = subject.group.kills(), subject.group.peak_mb()
    return report


def _work(bed: Bed, which: Attack, subject: Subject, attack_s: float) -> Callable[[], str]:
    if which.work is None:
        pids = subject.pids()
        return partial(floods.stopped_worker, bed, pids, attack_s, number=which.signal)
    return partial(which.work, bed, attack_s)


def _under_attack(attacker: Attacker, subject: Subject, report: Report, attack_s: float) -> None:
    began, before = time.monotonic(), subject.usage()
    attacker.begin()
    while not attacker.has_ended(0.1) and time.monotonic() < began + attack_s + 30:
        now = subject.usage()
        report.peak_mb = max(report.peak_mb, now.rss_mb)
        report.serving_mb = max(report.serving_mb, now.serving_mb)
        report.peak_descriptors = max(report.peak_descriptors, now.descriptors)
    report.cpu_share = (subject.usage().cpu_s - before.cpu_s) / (time.monotonic() - began)


def _await_recovery(client: GoodClient, report: Report, subject: Subject) -> None:
    """Second by second, until hits are as quick as before and descriptors are given back."""
    quiet = report.phases[0]
    bar_ms = 2 * quantile(quiet.hits, 0.99) + 1
    began = time.monotonic()
    phase = Phase()
    assert report.before is not None  # noqa: S101  # measured at the beginning
    while time.monotonic() < began + RECOVERY_S + 2:
        time.sleep(1.0)
        phase = client.phase()
        report.after = subject.usage()
        calm = quantile(phase.hits, 0.9) <= bar_ms and quantile(phase.misses, 0.9) < PATIENT_MS
        if calm and report.after.descriptors <= report.before.descriptors + 8:
            report.recovered_s = time.monotonic() - began
            break
    report.phases.append(phase)


PATIENT_MS = 1000.0


def load() -> str:
    """How busy the machine is otherwise, for the table's heading."""
    return f"load {os.getloadavg()[0]:.1f}"
