"""A small Internet at the far end of a link, and the daemon at the near one.

The zones are a lab's, the sockets are real: two namespaces joined by a veth pair. The link can be
taken away twofold: by carrier, which the daemon's kernel notices, and by dropping whatever comes
back in silence, which nobody does.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, Self

import dns.edns
import dns.message
import dns.rrset

from resolver.lab.world import hints_text
from tests.e2e.daemon import PROJECT
from tests.e2e.outside_config import DAEMON, DAEMON6, toml_of
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from resolver.lab.world import World

LINK, HARNESS, HARNESS6 = "net", "100.64.53.1", "fd53::1"
SERVER = ("127.0.0.1", 53)
PATIENCE_S = 90.0  # a machine with other work is slow to start anything
CUTS = ("carrier", "silence")
STALE = (3, 19)


class Told:
    """A reply, as a client reads it."""

    def __init__(self, octets: bytes) -> None:
        message = dns.message.from_wire(octets)
        options = message.options
        self.rcode = int(message.rcode())
        self.answer: list[dns.rrset.RRset] = message.answer
        self.addresses = {str(one) for rrset in self.answer for one in rrset if rrset.rdtype == 1}
        self.ttl = min((one.ttl for one in (*self.answer, *message.authority)), default=0)
        self.ede = {int(one.code) for one in options if isinstance(one, dns.edns.EDEOption)}

    @property
    def is_stale(self) -> bool:
        return bool(self.ede & set(STALE))


class FarWorld:
    """*world* on real sockets while the block lasts; the daemon's state is in *directory*."""

    def __init__(self, world: World, directory: Path) -> None:
        self.world = world
        self.near = netns.namespace("near")
        self._far = netns.namespace("far")
        self._directory = directory
        self._stack = contextlib.ExitStack()
        self._is_over = threading.Event()
        self._mend: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        near, far = self._stack.enter_context(self.near), self._stack.enter_context(self._far)
        netns.connect(near, far, names=(LINK, LINK), quiet=True)
        near.ip(
            f"addr add {DAEMON}/24 dev {LINK}",
            f"addr add {DAEMON6}/64 dev {LINK} nodad",
            f"route add default via {HARNESS}",
            f"route add default via {HARNESS6}",
        )
        far.sysctl({"net.ipv6.ip_nonlocal_bind": "1", "net.ipv4.ip_nonlocal_bind": "1"})
        far.ip(
            f"addr add {HARNESS}/24 dev {LINK}",
            f"addr add {HARNESS6}/64 dev {LINK} nodad",
            "route add local 0.0.0.0/0 dev lo table main",
            "route add local ::/0 dev lo table main",
        )
        self._serve()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._stack.close()

    # --- the far end -------------------------------------------------------------------------

    def _serve(self) -> None:
        selector = self._stack.enter_context(selectors.DefaultSelector())
        for host, authority in self.world.servers.items():
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            sock = self._stack.enter_context(self._far.socket(family, socket.SOCK_DGRAM))
            sock.bind((host, 53))
            sock.setblocking(False)  # noqa: FBT003
            selector.register(sock, selectors.EVENT_READ, authority)
        thread = threading.Thread(target=self._answer, args=(selector,), daemon=True)
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(self._is_over.set)

    def _answer(self, selector: selectors.BaseSelector) -> None:
        while not self._is_over.is_set():
            for key, _ in selector.select(0.05):
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                with contextlib.suppress(OSError):  # no way back: the link is cut
                    data, source = sock.recvfrom(65_535)
                    for reply in key.data.answer(data, "udp", source[0]) or ():
                        sock.sendto(reply, source)

    def cut(self, how: str) -> None:
        """Take the link away."""
        if how == "carrier":
            self._far.ip(f"link set dev {LINK} down")
            self._mend = (
                f"link set dev {LINK} up",
                f"addr replace {HARNESS6}/64 dev {LINK} nodad",
            )
        else:
            nets = (f"{DAEMON}/32", f"{DAEMON6}/128")
            self._far.ip(*(f"route add blackhole {net}" for net in nets))
            self._mend = tuple(f"route del blackhole {net}" for net in nets)

    def mend(self) -> None:
        """Put it back."""
        self._far.ip(*self._mend)

    # --- the near end ------------------------------------------------------------------------

    @contextlib.contextmanager
    def daemon(self, **resolution: float) -> Iterator[netns.Program]:
        """A daemon with its store in our directory, until it is killed (SIGKILL)."""
        hints, anchors = self._directory / "hints", self._directory / "anchors"
        hints.write_text(hints_text())
        anchors.write_text("".join(f"{anchor}\n" for anchor in self.world.anchors))
        document = {
            "working_directory": str(self._directory),
            "server": {"listen": [f"{SERVER[0]}:{SERVER[1]}"], "user": ""},
            "root": {"hints_file": str(hints)},
            "resolution": resolution,
            "dnssec": {"builtin_root_anchor": False, "validate": bool(self.world.anchors)},
        }
        if self.world.anchors:
            document["dnssec"]["trust_anchors_file"] = str(anchors)  # type: ignore[index]
        path = self._directory / "resolver.toml"
        path.write_text(toml_of(document))
        program = self.near.spawn(
            sys.executable, "-m", "resolver", "serve", "--config", str(path),
            log=self._directory / "log", cwd=PROJECT,
        )  # fmt: skip
        try:
            netns.wait_for([(self.near, *SERVER)], programs=[program], patience_s=PATIENCE_S)
            yield program
        finally:
            program.process.kill()
            program.process.wait()
            assert "Traceback" not in program.output()

    def ask(self, name: str, rtype: str = "A") -> Told:
        """As a client would, once."""
        query = dns.message.make_query(name, rtype, use_edns=0)
        with self.near.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(PATIENCE_S)
            sock.sendto(query.to_wire(), SERVER)
            return Told(sock.recv(65_535))

    def ask_until(self, name: str, is_wanted: Callable[[Told], bool]) -> Told:
        """Again and again, until the answer is one that *is_wanted*, or patience runs out."""
        give_up = time.monotonic() + PATIENCE_S
        while not is_wanted(told := self.ask(name)) and time.monotonic() < give_up:
            time.sleep(0.1)
        return told
