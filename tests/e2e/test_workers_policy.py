"""Several workers: none serves before what the first one reads for all is in force."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

import pytest

from resolver.protocol import names, wire
from resolver.protocol.codes import Flag, Rcode, RRClass, RRType
from tests.cli.test_serve import free_port
from tests.e2e.controlled import controlled

if TYPE_CHECKING:
    from pathlib import Path

NAMES = 20_000  # which take half a second to read


class Asker:
    """Asks for *name* at *port* again and again, each time over another socket: another worker."""

    def __init__(self, name: str, port: int) -> None:
        question = (names.from_text(name), RRType.A, RRClass.IN)
        self._query = wire.build(id=7, flags=int(Flag.RD), question=question)
        self._port = port
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self.told: list[int] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._ends.is_set():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.settimeout(1)
                sock.connect(("127.0.0.1", self._port))
                with suppress(OSError):
                    sock.send(self._query)
                    self.told.append(wire.parse_untrusted(sock.recv(4096)).rcode)
            time.sleep(0.01)


@pytest.mark.reaches("WORKERS_LOOK_SECONDS")
def test_what_was_never_read_is_in_force_in_all_from_the_first_answer_on(tmp_path: Path) -> None:
    """Of lists and policy zones; everything else fails, for nobody is there to be asked."""
    zone, blocked, port = tmp_path / "rpz.zone", tmp_path / "block.txt", free_port()
    many = "".join(f"n{at}.example CNAME .\n" for at in range(NAMES))
    zone.write_text(
        "$TTL 60\n@ SOA a. b. 1 3600 600 86400 60\n@ NS localhost.\n"
        f"{many}www.example.com CNAME .\n"
    )
    blocked.write_text("".join(f"n{at}.example\n" for at in range(NAMES)) + "www.unsigned.org\n")
    head = f"""
        working_directory = "{tmp_path}"
        server.workers = 3
        server.user = ""
        policy.block_answer = "nxdomain"
        outgoing.do_not_query_localhost = false
        forward = [{{zone = ".", addresses = ["127.0.0.1:9"]}}]
        rpz = [{{zone = "rpz.test", file = "{zone}"}}]
        block = [{{name = "many", source = "{blocked}"}}]
    """
    with (
        Asker("www.example.com.", port) as by_zone,
        Asker("www.unsigned.org.", port) as by_list,
        controlled(tmp_path, head=head, port=port, is_lab=False),
    ):
        while min(len(by_zone.told), len(by_list.told)) < 20:
            time.sleep(0.05)
    assert set(by_zone.told) == {Rcode.NXDOMAIN}
    assert set(by_list.told) == {Rcode.NXDOMAIN}
