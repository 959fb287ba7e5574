"""How soon the first answer comes after exec: with nothing on disk, and with many records.

The daemon has a namespace to itself, in which nobody else can be reached. Asked is a name that lies
on disk, each time another one; without a store, `localhost`, which every resolver knows. For a
*cold* start the kernel is asked to forget the pages of the store, and those of the program as far
as nobody else has them mapped. The program's bytecode is there, as after an installation.

On a machine that has other work, seconds are a matter of luck: beside them stands what is left of
them without the time for which the daemon was ready to run and had no processor.
"""

from __future__ import annotations

import os
import random
import socket
import statistics
import sys
import time
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import dns.message
import dns.rcode

from bench.common import peers
from bench.restart import big_store
from resolver.protocol import names

if TYPE_CHECKING:
    from tests.simulation import netns

PATIENCE_S: Final = 30.0
PAUSE_S: Final = 0.002
SERVER: Final = ("127.0.0.1", 53)
_LOOPBACK: Final = b"\x7f\0\0\1"


class Row(NamedTuple):
    """Seconds from exec to the first answer, one for each start."""

    title: str
    seconds: list[float]
    own: list[float]

    @property
    def own_s(self) -> float:
        """The median without waiting for a processor."""
        return statistics.median(self.own)

    def note(self, start: Start) -> None:
        self.seconds.append(start.took_s)
        self.own.append(start.took_s - start.waited_s)

    def cells(self) -> str:
        cells = [statistics.median(self.seconds), max(self.seconds), self.own_s, max(self.own)]
        return f"| {self.title} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |"


class Start(NamedTuple):
    """One start: *waited_s* of it the daemon had no processor."""

    took_s: float
    waited_s: float


def configure(directory: Path) -> Path:
    """A configuration with a store in *directory*, and nobody to ask; its file."""
    hints = peers.write_hints(directory / "hints", [("ns.root.", ["10.255.255.1"])])
    file = directory / "resolver.toml"
    lines = [
        f'working_directory = "{directory}"',
        f'server.listen = ["{SERVER[0]}:{SERVER[1]}"]',
        'server.user = ""',
        "root.prime = false",
        f'root.hints_file = "{hints}"',
    ]
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file


def measure(place: netns.Namespace, config: Path, count: int, *, starts: int) -> list[Row]:
    """Each kind of start *starts* times, in turn; *count* records are on disk."""
    empty = config.parents[1] / "empty"
    empty.mkdir()
    without = configure(empty)
    with_store = [number for number in range(count) if number % 100 < 85]
    titles = ("nothing on disk", f"{count:,} records", f"{count:,} records, cold pages")
    rows = [Row(title, [], []) for title in titles]
    first_answer(place, without, "localhost.", _LOOPBACK)  # bytecode
    for _ in range(starts):
        rows[0].note(first_answer(place, without, "localhost.", _LOOPBACK))
        for row, is_cold in zip(rows[1:], (False, True), strict=True):
            number = random.choice(with_store)
            if is_cold:
                forget_pages(config.parent, config.parents[1] / "bytecode")
            qname = names.to_text(big_store.name_of(number))
            address = big_store.address_of(number)
            row.note(first_answer(place, config, qname, address))
    return rows


def first_answer(place: netns.Namespace, config: Path, qname: str, address: bytes) -> Start:
    """From exec to the answer, which must have *address*. Raises RuntimeError if it is wrong."""
    query = dns.message.make_query(qname, "A").to_wire()
    argv = (sys.executable, "-P", "-m", "resolver", "serve", "--config", str(config))
    with place.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(SERVER)
        sock.settimeout(PAUSE_S)
        env = {**os.environ, "PYTHONPATH": str(peers.PROJECT)}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        env["PYTHONPYCACHEPREFIX"] = str(config.parents[1] / "bytecode")
        begun = time.perf_counter()
        program = place.spawn(*argv, log=config.parent / "log", env=env)
        try:
            reply = _asked(sock, query, begun + PATIENCE_S)
            took_s = time.perf_counter() - begun
            waited_ns = Path(f"/proc/{program.process.pid}/schedstat").read_text().split()[1]
        finally:
            program.process.kill()
            program.process.wait()
    message = dns.message.from_wire(reply)
    found = {str(record) for rrset in message.answer for record in rrset}
    if message.rcode() != dns.rcode.NOERROR or socket.inet_ntoa(address) not in found:
        raise RuntimeError(f"{qname}: {dns.rcode.to_text(message.rcode())} {found}")
    return Start(took_s, int(waited_ns) / 1e9)


def _asked(sock: socket.socket, query: bytes, give_up: float) -> bytes:
    while time.perf_counter() < give_up:
        try:
            sock.send(query)
            return sock.recv(4096)
        except ConnectionRefusedError:
            time.sleep(PAUSE_S)
        except TimeoutError:
            continue
    raise RuntimeError("no answer at all")


def forget_pages(*places: Path) -> None:
    """Have the kernel drop what it holds of the files in *places*."""
    for file in chain.from_iterable(place.rglob("*") for place in places):
        if file.is_file():
            descriptor = os.open(file, os.O_RDONLY)
            try:
                os.fsync(descriptor)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)
