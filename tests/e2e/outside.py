"""The scenarios from outside: the daemon on real sockets, scripted servers around it.

Two namespaces joined by a link: the daemon (and its client) in one; in the other every address
belongs to the harness, which answers from whichever was asked. libfaketime gives the daemon the
scenario's date and moves its CLOCK_REALTIME for TIME_PASSES; timeouts run on real time.

The file reader, what the head means and the scripted answers are the lab's; sockets and clock are
this file's own, and so is the configuration file, which a daemon reads as anybody's.
"""

from __future__ import annotations

import contextlib
import copy
import selectors
import socket
import struct
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

import dns.message

from resolver.lab.virtual_parts import Delayed
from tests.e2e.fake_time import FakeTime
from tests.e2e.outside_config import DAEMON, DAEMON6, write_config
from tests.simulation import netns
from tests.simulation.scenario_match import Seen, mismatches
from tests.simulation.scenario_policy import compared
from tests.simulation.scenario_run import StepFailed, answer_of, is_dropped, is_dropped_by_policy
from tests.simulation.scenario_servers import Stage, query_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.scenario_model import Entry, Scenario, Step

LISTEN = "127.127.0.1"
CLIENT = "127.0.0.1"
LINK = "net"
HARNESS, HARNESS6 = "100.64.53.1", "fd53::1"
PATIENCE_S = 5.0
START_S = 60.0
END_S = 20.0
TRAFFIC_S = 0.4
TTL_SLACK_S = 2
PROJECT = Path(__file__).resolve().parents[2]


class Failed(Exception):
    """A step did not go as the file says."""


@dataclass(slots=True)
class Link:
    """What came of one run."""

    failure: str = ""
    unscripted: list[str] = field(default_factory=list)
    exit_status: int | None = None
    log: str = ""

    @property
    def passed(self) -> bool:
        return not self.failure and not self.unscripted and self.exit_status == 0


def play(scenario: Scenario, directory: Path, *, minimise: bool, fill: bool) -> Link:
    """Run *scenario* against `python -m resolver serve`, in *directory*."""
    outcome = Link(scenario.unbuilt)
    if outcome.failure:
        return outcome
    stage = Stage(scenario, fill=fill)
    with contextlib.ExitStack() as stack:
        daemon = stack.enter_context(netns.namespace("d"))
        around = stack.enter_context(netns.namespace("o"))
        _join(daemon, around)
        clock = FakeTime(directory / "faketime", scenario.head.wall)
        config = write_config(scenario.head, directory, minimise=minimise)
        program = daemon.spawn(
            sys.executable, "-m", "resolver", "serve", "--config", str(config),
            log=directory / "log", cwd=PROJECT, env=clock.environment(),
        )  # fmt: skip
        servers = stack.enter_context(Servers(stage))
        servers.listen(around, "0.0.0.0", socket.AF_INET)  # noqa: S104  a namespace of our own
        servers.listen(around, "::", socket.AF_INET6)
        for address in _loopback_servers(scenario):
            servers.listen(daemon, address, socket.AF_INET)
        daemon.ip(*(f"addr add {address}/32 dev lo" for address in _clients(scenario)))
        try:
            netns.wait_for([(daemon, LISTEN, 53)], programs=[program], patience_s=START_S)
            _Steps(scenario, stage, servers, daemon, clock).run()
        except (Failed, StepFailed, RuntimeError) as failed:
            outcome.failure = str(failed)
        if not scenario.head.policies:
            outcome.unscripted = list(stage.unscripted)
        outcome.exit_status = program.stop(patience_s=END_S)
        outcome.log = program.output()
    return outcome


def _join(daemon: netns.Namespace, around: netns.Namespace) -> None:
    netns.connect(daemon, around, names=(LINK, LINK), quiet=True)
    daemon.ip(
        f"addr add {DAEMON}/24 dev {LINK}",
        f"addr add {DAEMON6}/64 dev {LINK} nodad",
        f"route add default via {HARNESS}",
        f"route add default via {HARNESS6}",
    )
    around.sysctl({"net.ipv6.ip_nonlocal_bind": "1", "net.ipv4.ip_nonlocal_bind": "1"})
    around.ip(
        f"addr add {HARNESS}/24 dev {LINK}",
        f"addr add {HARNESS6}/64 dev {LINK} nodad",
        "route add local 0.0.0.0/0 dev lo table main",
        "route add local ::/0 dev lo table main",
    )


def _loopback_servers(scenario: Scenario) -> set[str]:
    found = {address for block in scenario.ranges for address in block.addresses}
    return {address for address in found if address.startswith("127.")}


def _clients(scenario: Scenario) -> set[str]:
    """The addresses that clients ask from, beside loopback."""
    found = {step.address for step in scenario.steps if step.kind == "QUERY" and step.address}
    return {address for address in found if not address.startswith("127.")}


# --- the servers ---------------------------------------------------------------------------------


class Servers:
    """Wildcard sockets that answer for every address; `pump` lets them work."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.selector = selectors.DefaultSelector()
        self._later: list[tuple[float, Callable[[], None]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for key in list(self.selector.get_map().values()):
            cast("socket.socket", key.fileobj).close()
        self.selector.close()

    def listen(self, place: netns.Namespace, address: str, family: int) -> None:
        udp = place.socket(family, socket.SOCK_DGRAM)
        tcp = place.socket(family, socket.SOCK_STREAM)
        for one in (udp, tcp):
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((address, 53))
            one.settimeout(0)
        if family == socket.AF_INET6:
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            udp.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        tcp.listen(64)
        self.selector.register(udp, selectors.EVENT_READ, lambda: self._datagram(udp, family))
        self.selector.register(tcp, selectors.EVENT_READ, lambda: self._accept(tcp))

    def watch(self, link: socket.socket, ready: Callable[[], None]) -> None:
        self.selector.register(link, selectors.EVENT_READ, ready)

    def pump(self, until: float, done: Callable[[], bool] = lambda: False) -> None:
        """Serve until *until* (time.monotonic) or until *done* says so."""
        while not done() and (left := until - time.monotonic()) > 0:
            due = [moment for moment, _ in self._later]
            wait = min([left, *(max(0.0, moment - time.monotonic()) for moment in due)])
            for key, _ in self.selector.select(wait):
                key.data()
            now = time.monotonic()
            ripe = [item for item in self._later if item[0] <= now]
            self._later = [item for item in self._later if item[0] > now]
            for _, action in ripe:
                action()

    def _datagram(self, udp: socket.socket, family: int) -> None:
        data, control, _, source = udp.recvmsg(65535, 256)
        destination = local_address(control, family)

        def send(reply: bytes) -> None:
            with contextlib.suppress(OSError):
                udp.sendmsg([reply], [_from(destination, family)], 0, source)

        self._answer(data, "udp", destination, send)

    def _accept(self, listener: socket.socket) -> None:
        link, _ = listener.accept()
        link.settimeout(0)
        octets = bytearray()

        def readable() -> None:
            try:
                more = link.recv(65535)
            except ConnectionError:
                more = b""
            octets.extend(more)
            while len(octets) >= 2 and len(octets) >= (size := 2 + (octets[0] << 8 | octets[1])):
                data = bytes(octets[2:size])
                del octets[:size]
                self._answer(data, "tcp", link.getsockname()[0], send)
            if not more:
                self.selector.unregister(link)
                link.close()

        def send(reply: bytes) -> None:
            with contextlib.suppress(OSError):
                link.sendall(struct.pack("!H", len(reply)) + reply)

        self.watch(link, readable)

    def _answer(
        self, data: bytes, transport: str, address: str, send: Callable[[bytes], None]
    ) -> None:
        answers = self._stage.server(address).answer(data, transport, DAEMON)
        if isinstance(answers, (bytes, Delayed)):
            answers = [answers]
        for one in answers or ():
            if isinstance(one, Delayed) and one.after_s > 0:
                moment, reply = time.monotonic() + one.after_s, one.data
                self._later.append((moment, lambda reply=reply: send(reply)))  # type: ignore[misc]
            else:
                send(one.data if isinstance(one, Delayed) else one)


IP_PKTINFO = 8


def local_address(control: list[tuple[int, int, bytes]], family: int) -> str:
    """Which address a datagram came to."""
    for level, kind, data in control:
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
            return socket.inet_ntop(family, data[8:12])
        if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
            return socket.inet_ntop(family, data[:16])
    raise LookupError("no packet information")


def _from(address: str, family: int) -> tuple[int, int, bytes]:
    """The control message that makes a reply leave from *address*."""
    packed = socket.inet_pton(family, address)
    if family == socket.AF_INET6:
        return socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, packed + struct.pack("@I", 0)
    return socket.IPPROTO_IP, IP_PKTINFO, struct.pack("@I4s4s", 0, packed, packed)


# --- the steps -----------------------------------------------------------------------------------


class _Steps:
    """The client's part of the file, step by step."""

    def __init__(
        self, scenario: Scenario, stage: Stage, servers: Servers, place: netns.Namespace,
        clock: FakeTime,
    ) -> None:  # fmt: skip
        self._scenario = scenario
        self._stage = stage
        self._servers = servers
        self._place = place
        self._clock = clock
        self._prefetches = bool(scenario.head.settings.get("resolution", {}).get("prefetch"))
        self._answer: Seen | None = None
        self._serial = 0

    def run(self) -> None:
        if self._scenario.head.policies:
            self._await_service()
        for index, step in enumerate(self._scenario.steps):
            self._stage.step = step.number
            self._step(index, step)
        if lines := self._stage.unused():
            raise Failed(f"nobody asked for the MANDATORY entries of lines {lines}")

    def _await_service(self) -> None:
        """Its ports are bound before it reads policy zones, and on a busy machine that takes longer
        than a client's patience; what nobody is asked for is answered then."""
        data = dns.message.make_query("id.server.", "TXT", rdclass="CH").to_wire()
        ends_at = time.monotonic() + START_S
        while self._exchange(data, "", over_tcp=False) is None and time.monotonic() < ends_at:
            pass

    def _step(self, index: int, step: Step) -> None:
        match step.kind:
            case "QUERY" if step.entry is not None:
                following = self._scenario.steps[index + 1 :]
                self._stage.offer(following)
                by_policy = is_dropped_by_policy(self._scenario.head, following)
                self._query(step, step.entry, is_dropped=by_policy or is_dropped(following))
                if by_policy and self._answer is not None:
                    raise Failed(f"step {step.number}: there was an answer")
                if self._prefetches:  # to the files, what it sets off takes no time
                    self._servers.pump(time.monotonic() + TRAFFIC_S)
            case "CHECK_ANSWER" if step.entry is not None:
                self._check(step, step.entry)
            case "NOTHING":
                if self._answer is not None:
                    raise Failed(f"step {step.number}: there was an answer")
            case "TIME_PASSES":
                self._clock.advance(step.elapse_s)
            case "TRAFFIC":
                self._servers.pump(time.monotonic() + TRAFFIC_S)
            case _:
                pass

    def _check(self, step: Step, entry: Entry) -> None:
        if self._answer is None:
            raise Failed(f"step {step.number}: no query before this check")
        is_full = self._scenario.head.has_full_answers
        entry, seen = compared(self._scenario.head, entry, self._answer)
        found = mismatches(entry, seen, is_full=is_full)
        if found and "ttl" in entry.match:  # real seconds went by: TTLs may be this much lower
            later = (_with_ttls(seen, more) for more in range(1, TTL_SLACK_S + 1))
            if any(not mismatches(entry, one, is_full=is_full) for one in later):
                return
        if found:
            raise Failed(f"step {step.number}: " + "; ".join(map(str, found)))

    def _query(self, step: Step, entry: Entry, *, is_dropped: bool) -> None:
        over_tcp = "TCP" in entry.match
        self._serial += 1
        self._answer = None
        data = query_of(entry, message_id=self._serial)
        reply = self._exchange(data, step.address, over_tcp=over_tcp)
        if not entry.is_answered:
            return
        if reply is not None:
            self._answer = answer_of(step, data, reply, "tcp" if over_tcp else "udp")
        elif not is_dropped:
            raise Failed(f"step {step.number}: no answer within {PATIENCE_S:.0f} s")

    def _exchange(self, data: bytes, source: str, *, over_tcp: bool) -> bytes | None:
        kind = socket.SOCK_STREAM if over_tcp else socket.SOCK_DGRAM
        octets = bytearray()

        def complete() -> bool:
            if not over_tcp:
                return bool(octets)
            return len(octets) >= 2 and len(octets) >= 2 + (octets[0] << 8 | octets[1])

        with self._place.socket(socket.AF_INET, kind) as link:
            link.bind((source or CLIENT, 0))
            link.connect((LISTEN, 53))
            link.sendall(struct.pack("!H", len(data)) + data if over_tcp else data)
            self._servers.watch(link, lambda: octets.extend(link.recv(65535)))
            try:
                self._servers.pump(time.monotonic() + PATIENCE_S, complete)
            finally:
                self._servers.selector.unregister(link)
        if not complete():
            return None
        return bytes(octets[2:] if over_tcp else octets)


def _with_ttls(seen: Seen, more: int) -> Seen:
    """The answer as it would have been *more* seconds earlier."""
    message = copy.deepcopy(seen.message)
    for section in message.sections[1:]:
        for rrset in section:
            rrset.ttl += more
    return seen._replace(message=message)
