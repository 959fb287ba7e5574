"""The scenarios from outside: the daemon on real sockets, scripted servers around it.

Two namespaces joined by a link: the daemon (and its client) in one; in the other every address
belongs to the harness, which answers from whichever was asked. libfaketime gives the daemon the
scenario's date and moves its CLOCK_REALTIME for TIME_PASSES; timeouts run on real time.

The file reader and the scripted answers are the lab's; configuration, sockets and clock are this
file's own, made after the words of shared/scenarios/README.md.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import struct
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

import dns.exception
import dns.flags
import dns.message

from resolver.lab import real
from resolver.lab.scenario_match import EDNS_PAYLOAD, Seen, mismatches
from resolver.lab.scenario_servers import Stage, message_of
from resolver.lab.streams import Delayed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from resolver.lab.scenario_model import Entry, Head, Scenario, Step

LISTEN = "127.127.0.1"
LINK = "net"
DAEMON, DAEMON6 = "100.64.53.53", "fd53::53"
HARNESS, HARNESS6 = "100.64.53.1", "fd53::1"
PATIENCE_S = 5.0
START_S = 15.0
PROJECT = Path(__file__).resolve().parents[2]


def faketime_library() -> Path | None:
    """Where Debian put libfaketime, on whatever machine this is."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


class Failed(Exception):
    """A step did not go as the file says."""


@dataclass(slots=True)
class Outcome:
    """What came of one run."""

    failure: str = ""
    unscripted: list[str] = field(default_factory=list)
    exit_status: int | None = None
    log: str = ""

    @property
    def passed(self) -> bool:
        return not self.failure and not self.unscripted and self.exit_status == 0


def play(scenario: Scenario, directory: Path, *, minimise: bool, fill: bool) -> Outcome:
    """Run *scenario* against `python -m resolver serve`, in *directory*."""
    outcome = Outcome()
    stage = Stage(scenario, fill=fill)
    with contextlib.ExitStack() as stack:
        daemon = stack.enter_context(real.namespace("d"))
        around = stack.enter_context(real.namespace("o"))
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
        try:
            real.wait_for([(daemon, LISTEN, 53)], programs=[program], patience_s=START_S)
            _Steps(scenario, stage, servers, daemon, clock).run()
        except (Failed, RuntimeError) as failed:
            outcome.failure = str(failed)
        outcome.unscripted = list(stage.unscripted)
        outcome.exit_status = program.stop()
        outcome.log = program.output()
    return outcome


def _join(daemon: real.Namespace, around: real.Namespace) -> None:
    real.connect(daemon, around, names=(LINK, LINK), quiet=True)
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


# --- clock and configuration ---------------------------------------------------------------------


class FakeTime:
    """The daemon's CLOCK_REALTIME: a file with its distance from the true one."""

    def __init__(self, path: Path, wall: float | None) -> None:
        self._path = path
        self._offset = 0.0 if wall is None else wall - time.time()
        self._write()

    def environment(self) -> Mapping[str, str]:
        return {
            **os.environ,
            "LD_PRELOAD": str(faketime_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._path),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "PYTHONHASHSEED": "0",
        }

    def advance(self, seconds: float) -> None:
        self._offset += seconds
        self._write()

    def _write(self) -> None:
        # Replaced in one step: the daemon may read at any moment.
        new = self._path.with_suffix(".new")
        new.write_text(f"{self._offset:+.0f}\n")
        new.replace(self._path)


def write_config(head: Head, directory: Path, *, minimise: bool) -> Path:
    """resolver.toml with its hints and anchors, as the head of the file wants it."""
    hints, anchors = directory / "root.hints", directory / "anchors"
    addresses = head.root_addresses or ["192.0.2.255"]
    hints.write_text(
        f". 3600000 IN NS {head.root_name}\n"
        + "".join(
            f"{head.root_name} 3600000 IN {'AAAA' if ':' in one else 'A'} {one}\n"
            for one in addresses
        )
    )
    anchors.write_text("".join(f"{anchor}\n" for anchor in head.trust_anchors))
    document: dict[str, dict[str, object]] = {
        "server": {
            "listen": [f"{LISTEN}:53"], "allow_from": ["0.0.0.0/0", "::/0"],
            "udp_payload_size": EDNS_PAYLOAD, "minimal_responses": True, "rate_limit": 0,
            "user": "",
        },
        "outgoing": {
            "source_addresses": [DAEMON, DAEMON6], "udp_payload_size": EDNS_PAYLOAD,
            "query_case_randomization": False, "do_not_query_localhost": True,
            "deny_private_addresses": False, "speculation": False,
        },
        "root": {"hints_file": str(hints), "prime": False},
        "resolution": {
            "qname_minimisation": minimise, "local_zones": False, "prefetch": False,
            "serve_stale": False, "query_timeout": 4.8,
        },
        "cache": {"clock": "realtime", "persist": False},
        "dnssec": {
            "validate": bool(head.trust_anchors), "builtin_root_anchor": False, "rfc5011": False,
            "trust_anchors_file": str(anchors) if head.trust_anchors else "",
            "negative_trust_anchors": head.insecure, "trust_anchor_signaling": False,
            "sha1": True,
        },
        "log": {"destination": "stderr", "level": "warning", "queries": False},
    }  # fmt: skip
    for section, settings in head.settings.items():
        document.setdefault(section, {}).update(settings)
    text = f"working_directory = {json.dumps(str(directory))}\n"
    for section, settings in document.items():
        text += f"[{section}]\n"
        text += "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    if head.forward_addresses:
        text += f'[[forward]]\nzone = "."\naddresses = {json.dumps(head.forward_addresses)}\n'
    path = directory / "resolver.toml"
    path.write_text(text)
    return path


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

    def listen(self, place: real.Namespace, address: str, family: int) -> None:
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
        self, scenario: Scenario, stage: Stage, servers: Servers, place: real.Namespace,
        clock: FakeTime,
    ) -> None:  # fmt: skip
        self._scenario = scenario
        self._stage = stage
        self._servers = servers
        self._place = place
        self._clock = clock
        self._answer: Seen | None = None
        self._serial = 0

    def run(self) -> None:
        for index, step in enumerate(self._scenario.steps):
            self._stage.step = step.number
            self._step(index, step)

    def _step(self, index: int, step: Step) -> None:
        match step.kind:
            case "QUERY" if step.entry is not None:
                self._stage.once = list(self._offered_after(index))
                self._query(step, step.entry)
            case "CHECK_ANSWER" if step.entry is not None:
                if self._answer is None:
                    raise Failed(f"step {step.number}: no query before this check")
                if found := mismatches(step.entry, self._answer):
                    raise Failed(f"step {step.number}: " + "; ".join(map(str, found)))
            case "TIME_PASSES":
                self._clock.advance(step.elapse_s)
            case _:
                pass

    def _offered_after(self, index: int) -> Iterator[Entry]:
        for step in self._scenario.steps[index + 1 :]:
            if step.kind == "QUERY":
                return
            if step.kind == "REPLY" and step.entry is not None:
                yield step.entry

    def _query(self, step: Step, entry: Entry) -> None:
        over_tcp = "TCP" in entry.match
        self._serial += 1
        query = message_of(entry, message_id=self._serial)
        if "DO" in entry.flags:
            query.use_edns(0, dns.flags.DO, EDNS_PAYLOAD)
        data = entry.raw if entry.raw is not None else query.to_wire()
        reply = self._exchange(data, over_tcp=over_tcp)
        if entry.raw is not None:
            return
        if reply is None:
            raise Failed(f"step {step.number}: no answer within {PATIENCE_S:.0f} s")
        try:
            message = dns.message.from_wire(reply)
        except dns.exception.DNSException as error:
            raise Failed(f"step {step.number}: the answer is not DNS: {error!r}") from error
        self._answer = Seen(message, "tcp" if over_tcp else "udp")

    def _exchange(self, data: bytes, *, over_tcp: bool) -> bytes | None:
        kind = socket.SOCK_STREAM if over_tcp else socket.SOCK_DGRAM
        octets = bytearray()

        def complete() -> bool:
            if not over_tcp:
                return bool(octets)
            return len(octets) >= 2 and len(octets) >= 2 + (octets[0] << 8 | octets[1])

        with self._place.socket(socket.AF_INET, kind) as link:
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
