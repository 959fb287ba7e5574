"""`resolver control` where several workers share the ports: whoever has the door asks them all."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from resolver.protocol.codes import Rcode, RRClass, RRType
from tests.e2e.controlled import PATIENCE_S, Controlled, controlled, open_folder, write
from tests.e2e.test_restart import Authority

HEAD = "server.workers = 3\nserver.user = ''\nlog.level = 'info'"
QUESTIONS = 24  # enough names, or connections, to reach each of three workers


def _workers(daemon: Controlled) -> list[int]:
    children = Path(f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children").read_text()
    return [int(each) for each in children.split()]


def _rcodes(daemon: Controlled, name: str, rclass: int) -> set[int]:
    return {daemon.ask_anyone(name, RRType.TXT, rclass) for _ in range(QUESTIONS)}


def test_all_are_asked(tmp_path: Path) -> None:
    with controlled(tmp_path, head=HEAD, is_lab=False) as daemon:
        for number in range(QUESTIONS):
            assert daemon.ask(f"n{number}.localhost.") == Rcode.NOERROR
        assert daemon.told("stats")["counters"]["udp_queries_total"] == QUESTIONS
        told = daemon.told("status")
        assert told["workers"] == 3
        assert "failed" not in told
        assert told["queries"]["local"] + told["queries"]["packets"] == QUESTIONS


def test_a_live_log_has_the_queries_of_all(tmp_path: Path) -> None:
    with controlled(tmp_path, head=HEAD, is_lab=False) as daemon:
        command = [sys.executable, "-m", "resolver", "control", "--socket", str(daemon.socket)]
        with subprocess.Popen(
            [*command, "log", "follow", "--json"], stdout=subprocess.PIPE, text=True
        ) as following:
            assert following.stdout is not None
            following.stdout.readline()  # from here on all listen
            for number in range(QUESTIONS):
                assert daemon.ask(f"n{number}.localhost.") == Rcode.NOERROR
            seen: set[str] = set()
            while len(seen) < QUESTIONS:
                told = json.loads(following.stdout.readline())
                assert "failed" not in told
                seen |= {line["name"] for line in told["queries"]}
            following.terminate()
        assert seen == {f"n{number}.localhost." for number in range(QUESTIONS)}


def test_a_reload_reaches_all_and_who_comes_after_them(tmp_path: Path) -> None:
    with controlled(tmp_path, head=HEAD, is_lab=False) as daemon:
        assert _rcodes(daemon, "id.server.", RRClass.CH) == {Rcode.REFUSED}
        write(tmp_path, daemon.port, f"{HEAD}\nserver.identity = 'me'")
        assert daemon.told("reload")["said"] == "reloaded: server.identity"
        assert _rcodes(daemon, "id.server.", RRClass.CH) == {Rcode.NOERROR}
        before = _workers(daemon)
        killed_at = time.time()
        os.kill(before[0], signal.SIGKILL)  # it has the door
        ends_at = time.monotonic() + PATIENCE_S
        while set(_workers(daemon)) <= set(before) or daemon.control("status").returncode != 0:
            assert time.monotonic() < ends_at
            time.sleep(0.2)
        assert _rcodes(daemon, "id.server.", RRClass.CH) == {Rcode.NOERROR}
        assert "no control socket" not in daemon.log.read_text()
        assert daemon.told("status")["started_at"] < killed_at  # the others go on


def test_all_are_drained_listen_again_and_end(tmp_path: Path) -> None:
    with controlled(tmp_path, head=HEAD, is_lab=False) as daemon:
        daemon.told("drain")
        with pytest.raises(ConnectionRefusedError):
            daemon.ask("localhost.")
        daemon.told("drain", "--undo")
        assert daemon.ask("localhost.") == Rcode.NOERROR
        assert daemon.control("stop").returncode == 0
        assert daemon.process.wait(PATIENCE_S) == 0
        assert not daemon.socket.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give it up")
def test_workers_that_gave_up_root_listen_again_and_so_does_who_comes_after_them() -> None:
    """On a port below 1024; a successor binds as root still, and the port is the account's."""
    head = HEAD.replace("''", "'nobody'")
    with (
        open_folder() as folder,
        controlled(folder, head=head, is_lab=False, port=free_low_port()) as daemon,
    ):
        daemon.told("drain")
        with pytest.raises(ConnectionRefusedError):
            daemon.ask("localhost.")
        daemon.told("drain", "--undo")
        before = _workers(daemon)
        for _ in range(QUESTIONS):
            assert daemon.ask("localhost.") == Rcode.NOERROR
        os.kill(before[-1], signal.SIGKILL)
        ends_at = time.monotonic() + PATIENCE_S
        while len(set(_workers(daemon)) - set(before)) != 1 or daemon.told("status")["missing"]:
            assert time.monotonic() < ends_at
            time.sleep(0.2)
        assert daemon.control("drain").returncode == 0  # the new one too
        with pytest.raises(ConnectionRefusedError):
            daemon.ask("localhost.")
        assert daemon.control("stop").returncode == 0
        assert daemon.process.wait(PATIENCE_S) == 0
        assert not daemon.socket.exists()  # the parent, who is root still, takes it away
        assert "another program listens there" not in daemon.log.read_text()


def free_low_port() -> int:
    """A port that takes a privilege, and nobody has now."""
    while True:
        port = random.randrange(600, 1024)
        with closing(socket.socket()) as sock, suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port


def test_a_drill_is_of_the_names_that_any_worker_knows(tmp_path: Path) -> None:
    """Each name is one worker's, and so is what is kept of it; the same of zones in use."""
    authority = Authority()
    stub = f"""
        dnssec.negative_trust_anchors = ["example."]
        stub = [{{zone = "example.", addresses = ["127.0.0.1:{authority.port}"]}}]
    """
    with (
        closing(authority),
        controlled(tmp_path, head=f"{HEAD}\n{stub}", is_lab=False) as daemon,
    ):
        for number in range(QUESTIONS):
            assert daemon.ask(f"host{number}.example.") == Rcode.NOERROR
        silent = ("--keep-only", "192.0.2.0/24", "--after", "0s")
        for command in ("drill", *silent, "--json"), ("drill", *silent, "--names", "-", "--json"):
            report = json.loads(_told(daemon, *command))
            assert report["names"] == QUESTIONS
            assert report["moments"][0]["fresh"] == 1.0  # told from memory, whosever it is
        zones = json.loads(_told(daemon, "geo", "zones", "--json"))
        assert zones["names"] == QUESTIONS
        assert [zone["uses"] for zone in zones["zones"] if zone["zone"] == "example."] == [1.0]


def _told(daemon: Controlled, *words: str) -> str:
    names = "".join(f"host{number}.example.\n" for number in range(QUESTIONS))
    command = [sys.executable, "-m", "resolver", *words, "--socket", str(daemon.socket)]
    done = subprocess.run(
        command, input=names, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout
