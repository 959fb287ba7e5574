"""The daemon on one core; load, both servers that it asks, and who reloads it, on the other."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Final, Self

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rrset

from bench.common import peers, processes
from bench.reloads.changes import FILES, HOST, OTHER, OTHER_PORT, REFUSED, SILENCE, configuration
from bench.throughput.contestants import Responder
from resolver.cli.control_session import Session

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from bench.reloads.changes import Change, Proof

READY_S: Final = 60.0
_REPLY_S: Final = 2.0
_LEAVES_S: Final = 1.0


class Other(threading.Thread):
    """Answers whatever is asked at OTHER_PORT with one address, OTHER."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, OTHER_PORT))

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                data, client = self._socket.recvfrom(4096)
                query = dns.message.from_wire(data)
                reply = dns.message.make_response(query, recursion_available=True)
                reply.flags |= dns.flags.AA
                (question,) = query.question
                if question.rdtype == dns.rdatatype.A:
                    reply.answer.append(dns.rrset.from_text(question.name, 3600, "IN", "A", OTHER))
                self._socket.sendto(reply.to_wire(), client)

    def stop(self) -> None:
        self._socket.close()


class Bed:
    """Everything that runs, for as long as the block."""

    def __init__(self, folder: Path, *, server_core: int, load_core: int) -> None:
        self.load_core = load_core
        self._file = folder / "resolver.toml"
        self._socket = folder / "control"
        self._folder = folder
        self._server_core = server_core
        self._ends = contextlib.ExitStack()

    def __enter__(self) -> Self:
        for name, text in FILES.items():
            (self._folder / name).write_text(text, "utf-8")
        self.write(())
        os.sched_setaffinity(0, {self.load_core})
        responder = Responder(self._folder, core=self.load_core)
        self._ends.callback(responder.stop)
        other = Other()
        other.start()
        self._ends.callback(other.stop)
        command = ["taskset", "-c", str(self._server_core), sys.executable, "-P"]
        command += ["-m", "resolver", "serve", "--config", str(self._file)]
        environment = os.environ | {"PYTHONPATH": str(peers.PROJECT)}
        with (self._folder / "log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        self.pid = process.pid
        if os.sched_getscheduler(0) == os.SCHED_RR:  # by chrt: not for what it starts itself
            policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
            os.sched_setscheduler(self.pid, policy, os.sched_param(1))
        self._ends.callback(process.wait)
        self._ends.callback(process.terminate)
        self._await_socket()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._ends.close()

    def _await_socket(self) -> None:
        deadline = time.monotonic() + READY_S
        while not self._socket.exists():
            if time.monotonic() > deadline:
                raise RuntimeError(f"it does not start: {self.log}")
            time.sleep(0.05)

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text("utf-8", "replace")

    @property
    def rss_octets(self) -> int:
        return processes.rss_octets(self.pid)

    @property
    def cpu_s(self) -> float:
        return processes.cpu_s(self.pid)

    def write(self, there: tuple[Change, ...]) -> None:
        """The configuration with what is *there* now."""
        more = {"control.socket": f'"{self._socket}"', "working_directory": f'"{self._folder}"'}
        self._file.write_text(configuration(there, more), "utf-8")

    def reload(self) -> float:
        """The seconds that it took. Raises Refusal."""
        with Session(self._socket) as session:
            began = time.perf_counter()
            session.ask("reload")
            return time.perf_counter() - began

    def shown(self, proof: Proof, wanted: str) -> str:
        """What the answer shows: its first address, REFUSED, SILENCE, or what is wrong with it.

        A listener that goes has a moment to answer what it was asked.
        """
        deadline = time.monotonic() + (_LEAVES_S if wanted == SILENCE else 0.0)
        while (found := self._shown(proof)) != wanted and time.monotonic() < deadline:
            time.sleep(0.01)
        return found

    def _shown(self, proof: Proof) -> str:
        query = dns.message.make_query(proof.qname, "A")
        try:
            reply = dns.query.udp(
                query, HOST, timeout=_REPLY_S, port=proof.port, source=proof.source
            )
        except (OSError, dns.exception.Timeout):
            return SILENCE
        if reply.rcode() == dns.rcode.REFUSED:
            return REFUSED
        found = [str(each) for rrset in reply.answer for each in rrset]
        return found[0] if found else f"nothing ({dns.rcode.to_text(reply.rcode())})"
