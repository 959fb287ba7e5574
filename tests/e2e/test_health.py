"""A daemon that is asked whether to send traffic to it: by the command and over HTTP, as a check
of routes does, while it runs, hangs, drains and ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from resolver.limits import DRAIN_LEAST_SECONDS
from resolver.protocol.codes import Rcode
from tests.cli.test_serve import free_port
from tests.e2e.controlled import PATIENCE_S, Controlled, controlled

if TYPE_CHECKING:
    from collections.abc import Callable

PROBER_S = 1.5


class Page(NamedTuple):
    """Where health is told over HTTP."""

    port: int

    def look(self) -> tuple[int, dict[str, Any]]:
        """Status, 0 for no answer in a prober's time; and what it says."""
        try:
            url = f"http://127.0.0.1:{self.port}/health"
            with urllib.request.urlopen(url, timeout=PROBER_S) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except OSError:
            return 0, {}


def until(is_so: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    ends_at = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < ends_at
        time.sleep(0.1)


def head(page: Page, more: str = "") -> str:
    return f"server.user = ''\nhealth.listen = '127.0.0.1:{page.port}'\n{more}"


def is_well(page: Page) -> bool:
    return page.look()[0] == 200


def test_one_that_hangs_is_silent_and_not_well_when_it_goes_on(tmp_path: Path) -> None:
    page = Page(free_port())
    with controlled(tmp_path, head=head(page)) as daemon:
        until(lambda: is_well(page))
        done = daemon.command("health")
        assert (done.returncode, done.stdout.splitlines()[0][:11]) == (0, "healthy for")
        daemon.process.send_signal(signal.SIGSTOP)
        try:
            assert page.look() == (0, {})
            assert daemon.command("health").returncode == 2
            time.sleep(3)  # until what was known is old
        finally:
            daemon.process.send_signal(signal.SIGCONT)
        until(lambda: page.look()[0] != 0)
        until(lambda: is_well(page))


def test_a_drain_is_told_before_the_listeners_close(tmp_path: Path) -> None:
    page = Page(free_port())
    with controlled(tmp_path, head=head(page)) as daemon:
        until(lambda: is_well(page))
        began = time.monotonic()
        assert daemon.told("drain")["is_drained"]
        assert time.monotonic() - began >= DRAIN_LEAST_SECONDS
        status, told = page.look()
        assert (status, told["reasons"]) == (503, ["in service: drained, or ending"])
        assert daemon.command("health", "--quiet").returncode == 1
        with pytest.raises(ConnectionRefusedError):
            daemon.ask("localhost.")
        assert not daemon.told("drain", "--undo")["is_drained"]
        assert daemon.ask("localhost.") == Rcode.NOERROR
        until(lambda: is_well(page))


def test_without_an_address_the_command_alone_keeps_looks_going(tmp_path: Path) -> None:
    with controlled(tmp_path) as daemon:
        until(lambda: daemon.command("health", "--quiet").returncode == 0)
        told = json.loads(daemon.command("health", "--json").stdout)
        assert told["is_healthy"]
        assert daemon.told("stats")["gauges"]['health{condition="all"}'] == 1


def _workers(daemon: Controlled) -> list[int]:
    children = Path(f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children").read_text()
    return [int(each) for each in children.split()]


def test_a_worker_that_hangs_is_replaced_and_its_successor_counts(tmp_path: Path) -> None:
    page = Page(free_port())
    with controlled(tmp_path, head=head(page, "server.workers = 3"), is_lab=False) as daemon:

        def is_whole() -> bool:
            conditions = page.look()[1].get("conditions", {})
            return "3 of 3" in conditions.get("workers", {}).get("says", "")

        until(is_whole)
        hung = _workers(daemon)[-1]
        os.kill(hung, signal.SIGSTOP)
        until(lambda: hung not in _workers(daemon))
        until(is_whole)


def test_workers_that_follow_one_another_are_no_reason_against_the_machine(tmp_path: Path) -> None:
    """Made anew, told to end, or killed: also the first one, which tells. A route stays."""
    page = Page(free_port())
    with controlled(tmp_path, head=head(page, "server.workers = 3"), is_lab=False) as daemon:
        until(lambda: is_well(page))
        looks = Looks(page)
        with looks:
            assert daemon.control("restart").returncode == 0
            assert daemon.logged("3 workers are made anew\n")
            for number in signal.SIGTERM, signal.SIGKILL:
                for place in 0, -1:
                    until(lambda: is_well(page) and len(_workers(daemon)) == 3)
                    gone = _workers(daemon)[place]
                    os.kill(gone, number)
                    until(lambda gone=gone: gone not in _workers(daemon))  # type: ignore[misc]
            until(lambda: is_well(page) and len(_workers(daemon)) == 3)
        assert looks.bad == []
        assert daemon.command("health").returncode == 0
        assert daemon.log.read_text().count("should not attract traffic") == 0
        assert daemon.control("drain", "--grace", "0").returncode == 0  # nor is it one for it
        until(lambda: page.look()[0] == 503)
        gone_too = _workers(daemon)
        for each in gone_too:
            os.kill(each, signal.SIGKILL)
        until(lambda: not set(gone_too) & set(_workers(daemon)) and page.look()[0] != 0)
        assert page.look()[0] == 503


class Looks:
    """Looks at *page* all the time, while the block lasts: what was *bad*. No answer is none: who
    told is gone, and a check's own patience is for that."""

    def __init__(self, page: Page) -> None:
        self.bad: list[dict[str, Any]] = []
        self._page = page
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over.wait(0.05):
            status, told = self._page.look()
            if status == 503:
                self.bad.append(told)


HAPROXY = """global
  stats socket {folder}/haproxy level admin
defaults
  mode tcp
  timeout connect 1s
  timeout client 1s
  timeout server 1s
listen dns
  bind 127.0.0.1:{front}
  option httpchk GET /health
  server ours 127.0.0.1:{port} check port {health} inter 200ms fall 2 rise 1
"""


def test_haproxy_sends_traffic_by_it(tmp_path: Path) -> None:
    """By its own check over HTTP, in HTTP/1.0."""
    haproxy = shutil.which("haproxy", path="/usr/sbin:/usr/bin")
    if haproxy is None:
        pytest.skip("not installed: haproxy")
    page = Page(free_port())
    with controlled(tmp_path, head=head(page)) as daemon:
        conf = tmp_path / "haproxy.conf"
        places = {"folder": tmp_path, "front": free_port(), "port": daemon.port}
        conf.write_text(HAPROXY.format(health=page.port, **places))
        with (tmp_path / "haproxy.log").open("w") as log:
            proxy = subprocess.Popen([haproxy, "-db", "-f", str(conf)], stdout=log, stderr=log)
        try:
            until(lambda: _state(tmp_path / "haproxy") == "2", 20)
            daemon.told("drain")
            until(lambda: _state(tmp_path / "haproxy") == "0", 20)
        finally:
            proxy.terminate()
            proxy.wait(10)


def _state(socket_path: Path) -> str:
    """What HAProxy thinks of the one server: "2" up, "0" down."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as sock:
        if sock.connect_ex(str(socket_path)):
            return ""
        sock.sendall(b"show servers state dns\n")
        text = b"".join(iter(lambda: sock.recv(4096), b"")).decode()
    return text.splitlines()[2].split()[5]
