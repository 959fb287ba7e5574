"""dnsperf for hits and for misses, each at its rate; every latency, and what was not NOERROR."""

from __future__ import annotations

import math
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Final, Self

from bench.reloads.changes import HOST, PORT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_RIGHT: Final = "NOERROR"
_LOST: Final = "T"


@dataclass(slots=True)
class Heard:
    """What came back: latencies in ms, ascending; a reply that never came is not among them."""

    latencies_ms: list[float] = field(default_factory=list)
    lost: int = 0
    wrong: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, lines: Iterable[str]) -> Self:
        """From what `dnsperf -v` prints: "> NOERROR name type seconds", "> T name type"."""
        found = cls()
        for line in lines:
            words = line.split()
            if words[:1] != [">"]:
                continue
            if words[1] == _LOST:
                found.lost += 1
                continue
            if words[1] != _RIGHT:
                found.wrong[words[1]] += 1
            found.latencies_ms.append(float(words[-1]) * 1e3)
        found.latencies_ms.sort()
        return found

    def quantile_ms(self, part: float) -> float:
        """Nearest rank; infinite where a reply that never came stands there."""
        total = len(self.latencies_ms) + self.lost
        rank = max(math.ceil(part * total), 1)
        return self.latencies_ms[rank - 1] if rank <= len(self.latencies_ms) else math.inf


class Load:
    """Queries of two kinds from *core*."""

    def __init__(self, folder: Path, *, core: int, names: int) -> None:
        self._folder = folder
        self._core = core
        self._turns = count()
        self._unique = count()
        self._hits = folder / "hits"
        self._hits.write_text("".join(f"n{at}.example.com A\n" for at in range(names)), "utf-8")

    def warm(self, misses: int) -> None:
        """Fill the caches: with so many names that nobody asks for again, then with the hits."""
        for file, passes in ((self._new(misses), 1), (self._hits, 2)):
            self._start(file, ["-n", str(passes), "-Q", "4000"]).communicate()

    def start(self, *, seconds: float, hits: int, misses: int) -> tuple[Running, Running]:
        """Both kinds at once, for so many *seconds*, at so many a second."""
        new = self._new(int(misses * seconds * 1.2))
        return (
            self._running(self._hits, seconds, hits, clients=8),
            self._running(new, seconds, misses, clients=2),
        )

    def _running(self, file: Path, seconds: float, rate: int, *, clients: int) -> Running:
        options = ["-l", f"{seconds:g}", "-Q", str(rate), "-c", str(clients), "-q", "4000", "-v"]
        return Running(self._start(file, options, output := self._output()), output)

    def _start(
        self, file: Path, options: list[str], output: Path | None = None
    ) -> subprocess.Popen[bytes]:
        command = ["taskset", "-c", str(self._core), "dnsperf", "-s", HOST, "-p", str(PORT)]
        command += ["-d", str(file), *options]
        with (output or self._output()).open("wb") as told:
            return subprocess.Popen(command, stdout=told, stderr=subprocess.STDOUT)

    def _output(self) -> Path:
        return self._folder / f"heard{next(self._turns)}"

    def _new(self, wanted: int) -> Path:
        """Names that nobody has asked for."""
        path = self._folder / f"misses{next(self._turns)}"
        lines: Iterator[str] = (f"u{next(self._unique)}.example.com A\n" for _ in range(wanted))
        path.write_text("".join(lines), "utf-8")
        return path


class Running:
    """One dnsperf."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self._process = process
        self._output = output

    def heard(self) -> Heard:
        """Once it is done."""
        self._process.wait()
        with self._output.open(encoding="utf-8", errors="replace") as lines:
            return Heard.of(lines)
