"""What block lists cost: compiling, memory, a look-up, a swap, and a query with lists and without;
and what a policy zone costs whom that reads it.

    python -m bench.lists                 all of it, a million names; some four minutes
    python -m bench.lists compile lookup  only that

The lists are made up: names of three labels below domains that have from one to ten. Queries go to
daemons on loopback; what is not listed is forwarded to a responder in a process of its own.
"""

from __future__ import annotations

import argparse
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import trio

from resolver.daemon.child import ask_child
from resolver.daemon.list_job import Compiled, CompileJob, ListPart
from resolver.daemon.list_mapping import mapped_untrusted
from resolver.daemon.rpz_job import Job, Outcome
from resolver.daemon.rpz_mapping import fresh_file
from resolver.daemon.rpz_mapping import mapped_untrusted as read_zone
from resolver.policy.list_judge import ListUse
from resolver.policy.lists import Lists, Policy
from resolver.protocol import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.daemon.list_mapping import Mapped

MILLION: Final = 1_000_000
TICK: Final = os.sysconf("SC_CLK_TCK")
TLDS: Final = ("com", "net", "org", "io", "de", "co.uk", "xyz", "ru", "info", "top")
ROUNDS: Final = 15


def made_up(count: int, seed: int = 1) -> Iterator[str]:
    """So many names, as lists have them."""
    rng, made = random.Random(seed), 0
    while made < count:
        domain = f"{rng.choice(_WORDS)}{rng.randrange(10**6)}.{rng.choice(TLDS)}"
        for _ in range(min(rng.randrange(1, 11), count - made)):
            yield f"{rng.choice(_WORDS)}{rng.randrange(10**4)}.{domain}"
            made += 1


_WORDS: Final = ("ads", "track", "cdn", "metrics", "pixel", "banner", "static", "click", "e", "tag")


def rss_octets(pid: int | str = "self") -> int:
    """What a process has of the machine's memory."""
    text = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(text.partition("VmRSS:")[2].split()[0]) * 1024


def compiled(count: int, folder: Path) -> Mapped:
    """Compile a hosts list of *count* names, and print what it took."""
    path = folder / f"{count}.hosts"
    path.write_text("".join(f"0.0.0.0 {name}\n" for name in made_up(count)))
    with path.open("rb") as source, tempfile.TemporaryFile() as out:
        part = ListPart("list", "list", False, "auto", False, source.fileno(), -1, ("", ""))  # noqa: FBT003
        job, began = CompileJob([part], out.fileno(), os.getpid(), 0), time.monotonic()

        async def run() -> Compiled:
            return await ask_child(
                "resolver.daemon.list_compiling", job, Compiled, seconds=600,
                descriptors=(source.fileno(), out.fileno()),
            )  # fmt: skip

        outcome = trio.run(run)
        took = time.monotonic() - began
        print(
            f"compile {outcome.names:,} names: {took:.1f} s, {outcome.cpu_s:.1f} s of CPU, child "
            f"{outcome.peak_octets / 1e6:.0f} MB at most, file {outcome.octets / 1e6:.1f} MB"
        )
        listed = [names.from_text(f"{name}.") for name in made_up(20_000)]
        before, began = rss_octets(), time.monotonic()
        found = mapped_untrusted(out.fileno(), is_shared=False)
        took_ms = (time.monotonic() - began) * 1000
    rng = random.Random(2)
    for name in listed:
        assert found.table.find(name)  # noqa: S101
    for _ in range(20_000):
        found.table.find(names.from_text(f"www.n{rng.randrange(10**6)}.com."))
    grown = rss_octets() - before
    print(f"map it: {took_ms:.0f} ms; after 40,000 look-ups {grown / 1e6:.1f} MB of memory more")
    return found


def policy_zone(count: int, folder: Path) -> None:
    """Read a policy zone of *count* triggers, and print what it took."""
    path = folder / f"{count}.rpz"
    head = "$TTL 60\n@ SOA ns. h. 1 3600 600 86400 60\n"
    names_below = (f"{name} CNAME .\n*.{name} CNAME .\n" for name in made_up(count // 2))
    path.write_text(head + "".join(names_below))
    out = fresh_file()
    job = Job("rpz.test", str(path), count, out, os.getpid(), weight=0)

    async def run() -> list[Outcome]:
        return await ask_child(
            "resolver.daemon.rpz_work", [job], list[Outcome], seconds=600, descriptors=(out,)
        )

    (outcome,) = trio.run(run)
    table = read_zone(out)
    print(
        f"policy zone of {sum(table.info.counts.values()):,} triggers: {outcome.cpu_s:.1f} s of "
        f"CPU, child {outcome.peak_octets / 1e6:.0f} MB at most, table {table.octets / 1e6:.1f} MB"
    )


def lookups(found: Mapped) -> None:
    """Print what a look-up costs, in nanoseconds of CPU."""
    rng = random.Random(3)
    misses = [names.from_text(f"www.n{rng.randrange(10**6)}.com.") for _ in range(50_000)]
    hits = [names.from_text(f"{name}.") for name in made_up(50_000)]
    near = [names.prepend(b"x", name) for name in hits]
    table = found.table
    for title, asked in (("not listed", misses), ("listed", hits), ("below listed", near)):
        for what in (table.find,):
            best = min(_once(what, asked) for _ in range(5))
            print(f"{what.__name__:>10} {title:<13} {best:6.0f} ns a name")
    lists = Lists()
    lists.use(table)
    lists.go_by(Policy(uses=(ListUse("list", "list"),)))
    began = time.perf_counter()
    lists.use(None)
    del table
    print(f"release: {(time.perf_counter() - began) * 1e6:.0f} us")


def _once(what: object, asked: list[bytes]) -> float:
    began = time.process_time_ns()
    for name in asked:
        what(name)  # type: ignore[operator]
    return (time.process_time_ns() - began) / len(asked)


# --- daemons ---------------------------------------------------------------------------------


RESPONDER: Final = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    data, where = sock.recvfrom(4096)
    end = data.index(0, 12) + 5
    is_a = data[end - 4:end - 2] == b"\\0\\1"
    record = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\x0e\\x10\\0\\4\\xc0\\0\\2\\1" if is_a else b""
    counts = b"\\0\\1" + (b"\\0\\1" if is_a else b"\\0\\0") + b"\\0\\0\\0\\0"
    sock.sendto(data[:2] + b"\\x81\\x80" + counts + data[12:end] + record, where)
"""


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def served(folder: Path, upstream: int, more: str = "") -> Iterator[tuple[int, int, Path]]:
    """A daemon that forwards everything to *upstream*: its port, its process, its configuration."""
    folder.mkdir(exist_ok=True)
    port, config = free_port(), folder / "resolver.toml"
    config.write_text(
        f'working_directory = "{folder}"\nserver.listen = ["127.0.0.1:{port}"]\nserver.user = ""\n'
        f'dnssec.validate = false\ncache.persist = false\ncontrol.socket = "{folder}/control"\n'
        f"outgoing.do_not_query_localhost = false\n{more}\n"
        f'[[forward]]\nzone = "."\naddresses = ["127.0.0.1:{upstream}"]\n'
    )
    command = [sys.executable, "-m", "resolver", "serve", "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(port)
            yield port, process.pid, config
        finally:
            process.terminate()


def _wait(port: int) -> None:
    for _ in range(600):
        if asked(port, ["up.example."], 1.0):
            return
        time.sleep(0.1)
    raise RuntimeError("the daemon does not answer")


def query(name: str) -> bytes:
    """A question for its address."""
    return b"\0\7\1\0\0\1\0\0\0\0\0\0" + names.from_text(name) + b"\0\1\0\1"


def asked(port: int, wanted: list[str], patience_s: float = 5.0) -> list[float]:
    """Ask one after the other; how long each took, in seconds. Nothing for what was lost."""
    took: list[float] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(patience_s)
        sock.connect(("127.0.0.1", port))
        for name in wanted:
            octets, began = query(name), time.perf_counter()
            try:
                sock.send(octets)
                sock.recv(4096)
            except OSError:
                time.sleep(0.1)
                continue
            took.append(time.perf_counter() - began)
    return took


def cpu_s(pid: int) -> float:
    """CPU seconds of a process."""
    fields = Path(f"/proc/{pid}/schedstat").read_text("ascii").split()
    return int(fields[0]) / 1e9


def swap(folder: Path, upstream: int, path: Path) -> None:
    """Print how long hits take while a million names are compiled, mapped, and let go again."""
    more = f'[[block]]\nname = "ads"\nsource = "{path}"\n'
    with served(folder / "swap", upstream) as (port, _, config):
        plain = config.read_text()
        quiet = _hits_for(port, 5.0)
        _print_hits("quiet", quiet)
        for title, text in (("first load", plain.replace("[[forward]]", more + "[[forward]]", 1)),
                            ("release", plain)):  # fmt: skip
            config.write_text(text)
            reload = [
                sys.executable,
                "-m",
                "resolver",
                "control",
                "--config",
                str(config),
                "reload",
            ]
            with subprocess.Popen(reload, stdout=subprocess.DEVNULL) as control:
                took = list[float]()
                while control.poll() is None:
                    took += _hits_for(port, 0.5)
                took += _hits_for(port, 1.0)
            _print_hits(title, took)


def _hits_for(port: int, seconds: float) -> list[float]:
    took, until = list[float](), time.monotonic() + seconds
    while time.monotonic() < until:
        took += asked(port, ["up.example."] * 20)
        time.sleep(0.005)
    return took


def _print_hits(title: str, took: list[float]) -> None:
    ordered = sorted(took)
    p999 = ordered[int(len(ordered) * 0.999)] * 1000
    print(f"hits, {title}: {len(took)}, p50 {statistics.median(took) * 1000:.2f} ms, p99.9 "
          f"{p999:.2f} ms, longest {ordered[-1] * 1000:.2f} ms")  # fmt: skip


def pairs(folder: Path, upstream: int, path: Path, rounds: int) -> None:
    """Print CPU a hit, a miss, and a hit on a blocked name, with 300,000 names against without."""
    more = f'[[block]]\nname = "ads"\nsource = "{path}"\n'
    listed = [f"{name}." for name in made_up(50)]
    with (
        served(folder / "a", upstream, more) as (a, pid_a, _),
        served(folder / "b", upstream) as (b, pid_b, _),
    ):
        hits, misses = list[float](), list[float]()
        blocked = list[float]()
        for turn in range(rounds):
            cost = dict[tuple[str, int], float]()
            order = [(a, pid_a), (b, pid_b)]
            for port, pid in order if turn % 2 else order[::-1]:
                fresh = [f"m{turn}-{number}.host.example." for number in range(1500)]
                for kind, wanted in (("hit", ["up.example."] * 6000), ("miss", fresh)):
                    cost[kind, port] = _cost(port, pid, wanted)
            hits.append(cost["hit", a] / cost["hit", b])
            misses.append(cost["miss", a] / cost["miss", b])
            blocked.append(_cost(a, pid_a, listed * 120) / cost["hit", a])
        for title, found in (
            ("a hit", hits),
            ("a miss", misses),
            ("a blocked hit / a hit", blocked),
        ):
            mean, half = statistics.mean(found), 2.145 * statistics.stdev(found) / len(found) ** 0.5
            print(
                f"CPU of {title}, with / without: {mean:.3f} [{mean - half:.3f}, {mean + half:.3f}]"
            )


def _cost(port: int, pid: int, wanted: list[str]) -> float:
    before = cpu_s(pid)
    took = asked(port, wanted)
    return (cpu_s(pid) - before) / max(1, len(took))


def main() -> None:
    """The command line."""
    reader = argparse.ArgumentParser(prog="python -m bench.lists", description=__doc__)
    parts = ("compile", "lookup", "rpz", "swap", "pairs")
    reader.add_argument("parts", nargs="*", choices=(*parts, []), default=[], help="what to do")
    reader.add_argument("--names", type=int, default=MILLION, help="how many (1000000)")
    reader.add_argument("--rounds", type=int, default=ROUNDS, help="pairs (15)")
    options = reader.parse_args()
    wanted = options.parts or parts
    with tempfile.TemporaryDirectory() as text:
        folder, upstream = Path(text), free_port()
        found = compiled(options.names, folder)
        if "lookup" in wanted:
            lookups(found)
        if "rpz" in wanted:
            policy_zone(options.names, folder)
        del found
        with subprocess.Popen([sys.executable, "-c", RESPONDER, str(upstream)]) as responder:
            try:
                if "swap" in wanted:
                    swap(folder, upstream, folder / f"{options.names}.hosts")
                if "pairs" in wanted:
                    compiled(300_000, folder)
                    pairs(folder, upstream, folder / "300000.hosts", options.rounds)
            finally:
                responder.terminate()


if __name__ == "__main__":
    main()
