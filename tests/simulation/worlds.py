"""`python -m tests.simulation.worlds`: whole random Internets, each asked, each answer judged.

    python -m tests.simulation.worlds [--count 2000] [--first 0] [--verbose]

An answer must be the world's truth. SERVFAIL is right only where the oracle finds no sure way. The
seed of each world is its number: `--first N --count 1` runs one again. Exit status 1 on any fault.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import trio

from resolver.config.load import interpret
from resolver.daemon import run as app
from resolver.lab.virtual_time import VirtualClock, run, seeded
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, Flag, Rcode, RRType, rcode_text, type_text
from resolver.protocol.edns import OPT_EDE, Edns, ede_of
from resolver.protocol.message import group
from resolver.protocol.wire import build_query, parse_untrusted
from tests.simulation.world_maker import FAULTS, STRUCTURES, Made, make
from tests.simulation.world_oracle import Oracle, Trust, Way

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from resolver.config.schema import Config
    from resolver.lab.virtual_sockets import VirtualClient
    from resolver.lab.world import Truth
    from resolver.protocol.message import Message, RRset
    from resolver.protocol.names import Name

LISTEN = ("127.127.0.1", 53)
CLIENT = "127.127.0.200"
PATIENCE_S = 12.0
LONGEST_TTL = 3600
# With the knots left out, aliases longer than this are not drawn.
Fact = tuple["Name", int, frozenset[bytes]]
_NAMED = frozenset({RRType.NS, RRType.CNAME, RRType.SOA, RRType.MX, RRType.DNAME})


@dataclass(slots=True)
class Report:
    """What a run of worlds showed."""

    worlds: int = 0
    questions: int = 0
    right: int = 0
    excused: int = 0
    expired: int = 0
    hopeless: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """For the terminal: totals, then the share of worlds that had each kind of trouble."""
        rate = 100 * self.excused / max(1, self.questions)
        shares = ", ".join(
            f"{kind} {100 * self.kinds[kind] / max(1, self.worlds):.0f} %"
            for kind in (*FAULTS, *STRUCTURES)
        )
        totals = (
            f"{self.worlds} worlds, {self.questions} questions: {self.right} right,"
            f" {self.hopeless} SERVFAIL where there is no way,"
            f" {self.excused} ({rate:.2f} %) where there is none that is sure,"
            f" {self.expired} expired answers there,"
            f" {len(self.faults)} wrong"
        )
        return [totals, f"share of worlds with each kind: {shares}"]

    def rarest(self) -> float:
        """Share of worlds with the rarest kind of trouble."""
        return min(self.kinds[kind] for kind in (*FAULTS, *STRUCTURES)) / max(1, self.worlds)


def facts(rrsets: Sequence[RRset]) -> set[Fact]:
    """RRsets as a set in which equal means the same; names in rdata are compared without case."""
    return {
        (
            one.owner,
            one.rtype,
            frozenset(map(bytes.lower, one.rdatas) if one.rtype in _NAMED else one.rdatas),
        )
        for one in rrsets
    }


_STALE = frozenset({EdeCode.STALE_ANSWER, EdeCode.STALE_NXDOMAIN})


class Trial:
    """One world with the whole program in it."""

    def __init__(self, made: Made, report: Report, config: Config) -> None:
        self._made = made
        self._report = report
        self._config = config
        self._oracle = Oracle(made.world, broken=made.broken)
        self._rng = seeded("trial", made.seed)
        self._born = self._took_s = 0.0
        self._hears_stale = config.resolution.serve_stale

    async def run(self) -> None:
        world = self._made.world
        network = world.network(seed=self._made.seed)
        self._born = trio.current_time()
        async with app.running(
            self._config,
            network=network,
            listen_network=network,
            clock=VirtualClock(),
            rng=seeded("resolver", self._made.seed),
        ):
            client = network.client(CLIENT)
            for question in self._made.questions:
                await self._judge(client, *question)
                await trio.sleep(self._rng.choice((0.0, 1.0, 7.0)))
            again = self._made.questions[:2]
            if self._made.changes:
                again = again + await self._change()
            for question in again:
                await self._judge(client, *question)

    async def _change(self) -> list[tuple[Name, int]]:
        """The data changes; once the old TTL is over, nobody may hear it any more."""
        questions = []
        for zone, owner, rdata in self._made.changes:
            zone.data.get(owner, {}).pop(RRType.A, None)
            zone.add(owner, RRType.A, rdata)
            zone.signer = zone.signer.renewed() if zone.signer is not None else None
            questions.append((owner, RRType.A))
        await trio.sleep(LONGEST_TTL + 60)
        return questions

    # --- judging ---------------------------------------------------------------------------

    async def _judge(self, client: VirtualClient, qname: Name, qtype: int) -> None:
        self._report.questions += 1
        began = trio.current_time()
        message = await self._ask(client, qname, qtype)
        self._took_s = trio.current_time() - began
        truth = self._made.world.truth(qname, qtype)
        fault = self._fault(message, qname, truth)
        if fault:
            where = f"seed {self._made.seed}, at {trio.current_time() - self._born:.1f} s"
            asked = f"{names.to_text(qname)} {type_text(qtype)}"
            self._report.faults.append(f"{where}: {asked}: {fault}")

    async def _ask(self, client: VirtualClient, qname: Name, qtype: int) -> Message | None:
        message_id = self._rng.getrandbits(16)
        raw = bytes(
            octet - 32 if 97 <= octet <= 122 and self._rng.random() < 0.2 else octet
            for octet in qname
        )
        edns = Edns(udp_payload=1232) if self._hears_stale else None
        flags = Flag.RD | Flag.AD
        query = build_query(id=message_id, qname=raw, qtype=qtype, flags=flags, edns=edns)
        data = await client.ask_udp(LISTEN, query, timeout_s=PATIENCE_S)
        if data is not None and parse_untrusted(data).tc:
            data = await client.ask_tcp(LISTEN, query, timeout_s=PATIENCE_S)
        return None if data is None else parse_untrusted(data)

    def _fault(self, message: Message | None, qname: Name, truth: Truth | None) -> str:
        """What is wrong with an answer; empty if it is right or excusable."""
        if message is None:
            return "no reply at all"
        if message.rcode == Rcode.SERVFAIL:
            return self._excuse(qname, truth)
        fault = _compare(message, truth) or self._misjudged(message, qname, truth)
        if fault and truth is not None and _is_stale(message):
            return self._expired(fault, qname, truth)
        self._report.right += not fault
        return fault

    def _expired(self, fault: str, qname: Name, truth: Truth) -> str:
        """What is over may be told where servers fail, lie, or are slow (RFC 8767)."""
        is_bogus = self._oracle.trust(qname, truth.answer) is Trust.BOGUS
        is_sure = not is_bogus and self._oracle.way(qname, truth.answer) is Way.SURE
        if is_sure and self._took_s < self._config.resolution.stale_after:
            return f"stale after {self._took_s:.3f} s, though there is a way: {fault}"
        self._report.expired += 1
        return ""

    def _misjudged(self, message: Message, qname: Name, truth: Truth | None) -> str:
        """How the AD bit differs from what the chain of trust deserves (RFC 6840 §5.8)."""
        assert truth is not None
        trust = self._oracle.trust(qname, truth.answer)
        if trust is Trust.BOGUS:
            return "bogus data, and no SERVFAIL"
        is_denial = not truth.answer or truth.answer[-1].rtype == RRType.CNAME
        last = truth.answer[-1].rdatas[0] if truth.answer and is_denial else qname
        wildcard = any(b"wild" in rrset.owner for rrset in truth.answer)
        if (is_denial or wildcard) and self._oracle.opts_out(last):
            return ""
        if message.ad != (trust is Trust.SECURE):
            return f"AD is {message.ad}, but the data is {trust.value}"
        return ""

    def _excuse(self, qname: Name, truth: Truth | None) -> str:
        if truth is None or self._oracle.trust(qname, truth.answer) is Trust.BOGUS:
            self._report.right += 1
            return ""
        match self._oracle.way(qname, truth.answer):
            case Way.NO:
                self._report.hopeless += 1
            case Way.MAYBE:
                self._report.excused += 1
            case Way.SURE:
                return f"SERVFAIL instead of {rcode_text(truth.rcode)} {_show(truth.answer)}"
        return ""


def _is_stale(message: Message) -> bool:
    options = message.edns.options if message.edns is not None else ()
    said = [ede_of(data) for code, data in options if code == OPT_EDE]
    return any(one is not None and one[0] in _STALE for one in said)


def _compare(message: Message, truth: Truth | None) -> str:
    """How an answer other than SERVFAIL differs from the truth."""
    if truth is None:
        return f"{rcode_text(message.rcode)} for aliases that never end"
    if message.rcode != truth.rcode:
        return f"{rcode_text(message.rcode)} instead of {rcode_text(truth.rcode)}"
    got = group(message.answer)
    if facts(got) != facts(truth.answer):
        return f"{_show(got)} instead of {_show(truth.answer)}"
    limits = {(one.owner, one.rtype): one.ttl for one in truth.answer}
    for one in got:
        if one.ttl > limits[one.owner, one.rtype]:
            return f"TTL {one.ttl} above the zone's {limits[one.owner, one.rtype]}"
    return ""


def _show(rrsets: Sequence[RRset]) -> str:
    return (
        "["
        + "; ".join(
            f"{names.to_text(one.owner)} {one.ttl} {type_text(one.rtype)} "
            + ",".join(rdata.hex()[:32] for rdata in one.rdatas)
            for one in rrsets
        )
        + "]"
    )


# --- running -------------------------------------------------------------------------------------


def settings(seed: int) -> dict[str, object]:
    """The configuration as a document; what users switch is drawn from the seed."""
    rng = seeded("settings", seed)
    return {
        "server": {
            "listen": [f"{LISTEN[0]}:{LISTEN[1]}"],
            "allow_from": ["127.0.0.0/8"],
            "user": "",
        },
        "outgoing": {"speculation": rng.random() < 0.7},
        "resolution": {"qname_minimisation": rng.random() < 0.7, "serve_stale": seed % 2 == 0},
        "dnssec": {"validate": True},
    }


def try_worlds(
    seeds: Sequence[int], *, directory: str, progress: Callable[[Report], None] = lambda _: None
) -> Report:
    """Run the worlds of *seeds* one after the other; files go into *directory*."""
    report = Report()
    for seed in seeds:
        made = make(seed)
        config, problems = interpret(settings(seed), "world")
        if problems:
            raise problems[0]
        config = made.world.configure(config, directory)
        report.worlds += 1
        report.kinds.update(made.kinds)
        try:
            run(partial(Trial(made, report, config).run), seed=seed)
        except* Exception as group_:  # noqa: BLE001  (a crash is one more fault of this world)
            report.faults.append(f"seed {seed}: crashed: {_innermost(group_)!r}")
        progress(report)
    return report


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation.worlds",
        description="Judge the resolver in random Internets.",
    )
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="seed of the first world")
    parser.add_argument("--shown", type=int, default=20, help="wrong answers to print")
    options = parser.parse_args(arguments)
    seeds = range(options.first, options.first + options.count)

    def progress(report: Report) -> None:
        if sys.stderr.isatty() and report.worlds % 50 == 0:
            print(f"\r{report.worlds} worlds, {len(report.faults)} wrong", end="", file=sys.stderr)

    with tempfile.TemporaryDirectory(prefix="worlds-") as directory:
        report = try_worlds(seeds, directory=directory, progress=progress)
    print(f"seeds {seeds.start} to {seeds.stop - 1}")
    print("\n".join(report.lines()))
    print("\n".join(report.faults[: options.shown]))
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
