"""Two machines share an address by VRRP, as contrib/anycast/keepalived.conf has it.

The keepalived is Debian's.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.e2e import daemon
from tests.e2e.anycast_sites import CONTRIB, SERVICE, until
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.netns, pytest.mark.timeout(300), pytest.mark.heavy, pytest.mark.long,
]  # fmt: skip


class Machine:
    """One of the two, with a resolver of the lab that says who it is."""

    def __init__(self, number: int, here: netns.Namespace, folder: Path) -> None:
        self.number = number
        self._here = here
        self._folder = folder / f"machine{number}"
        self._folder.mkdir()
        self._resolver = self._serve()

    def _serve(self) -> netns.Program:
        config = self._folder / "resolver.toml"
        config.write_text(
            f"server.listen = ['{SERVICE}:53']\nserver.user = ''\n"
            f"server.allow_from = ['0.0.0.0/0']\nserver.identity = 'machine{self.number}'\n"
            "health.listen = '127.0.0.1:8054'\n"
            f"control.socket = '{self._folder / 'control'}'\n"
        )
        words = ("-m", "resolver", "serve", "--lab", "--config", str(config))
        return self._here.spawn(sys.executable, *words, log=self._folder / "log")

    def share(self) -> None:
        """Start keepalived with the file of contrib, as master or backup."""
        text = (CONTRIB / "keepalived.conf").read_text()
        if self.number > 1:
            text = text.replace("MASTER", "BACKUP").replace("150", "100")
        config = self._folder / "keepalived.conf"
        config.write_text(text)
        config.chmod(0o644)
        pids = [f"{self._folder}/{name}.pid" for name in ("all", "vrrp")]
        words = ("--dont-fork", "--log-console", "--vrrp", "-f", str(config))
        words += ("-p", pids[0], "-r", pids[1])  # type: ignore[assignment]
        log = self._folder / "keepalived.log"
        self._here.spawn(netns.find("keepalived") or "keepalived", *words, log=log)

    def control(self, *words: str) -> None:
        line = ("-m", "resolver", "control", "--socket", str(self._folder / "control"), *words)
        done = self._here.run(sys.executable, *line, timeout_s=90)
        assert done.returncode == 0, done.stderr

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        os.kill(self._resolver.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._resolver.process.pid, signal.SIGCONT)


@contextlib.contextmanager
def machines(folder: Path) -> Iterator[tuple[netns.Namespace, list[Machine]]]:
    """A client and two machines at one switch."""
    with contextlib.ExitStack() as stack:
        switch = stack.enter_context(netns.namespace("switch"))
        switch.ip("link add lan type bridge", "link set lan up")
        places = [stack.enter_context(netns.namespace(name)) for name in ("client", "one", "two")]
        for number, place in enumerate(places):
            netns.connect(place, switch, names=("eth0", f"port{number}"))
            switch.ip(f"link set port{number} master lan")
            place.ip(f"addr add 192.0.2.{10 + number}/24 dev eth0")
        both = [Machine(number, places[number], folder) for number in (1, 2)]
        for one in both:
            one.share()
        yield places[0], both


def test_the_machine_that_is_well_has_the_address(tmp_path: Path) -> None:
    daemon.require("keepalived", "dig", "curl")
    tmp_path.chmod(0o755)
    with machines(tmp_path) as (client, (first, _)):
        line = ("dig", f"@{SERVICE}", "+short", "+tries=1", "+time=1", "id.server", "CH", "TXT")

        def is_at(number: int) -> bool:
            return client.run(*line).stdout == f'"machine{number}"\n'

        until(lambda: is_at(1), "the first is well, and preferred")
        with first.hanging():
            until(lambda: is_at(2), "the first hangs")
        until(lambda: is_at(1), "the first goes on")
        first.control("drain")
        until(lambda: is_at(2), "the first is drained")
        first.control("drain", "--undo")
        until(lambda: is_at(1), "the first listens again")
