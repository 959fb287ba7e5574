"""`resolver control`: what changes a daemon, as it is started, alone and with several workers."""

from __future__ import annotations

import os
import pwd
import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from resolver.protocol.codes import Rcode
from tests.e2e.controlled import PATIENCE_S, controlled, open_folder, write

if TYPE_CHECKING:
    from pathlib import Path

ALONE = "server.user = ''"
THREE = "server.user = ''\nserver.workers = 3"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
NAME = "www.example.com."


@pytest.mark.parametrize("head", [ALONE])
def test_a_reload_says_what_came_of_it(tmp_path: Path, head: str) -> None:
    with controlled(tmp_path, head=head) as daemon:
        assert daemon.told("reload")["said"] == "reloaded: nothing has changed"
        write(
            tmp_path, daemon.port,
            f"{head}\nserver.identity = 'me'\nlog.level = 'info'\ncache.size_octets = 9000000",
        )  # fmt: skip
        told = daemon.told("reload")
        said = "reloaded: server.identity; reopened: log.level; needs a restart: cache.size_octets"
        assert told["said"] == said
        assert told["changes"][0] == {
            "key": "server.identity", "effect": "live", "before": "", "now": "me",
        }  # fmt: skip
        assert daemon.logged(f"control: {said}")
        done = daemon.control("reload", "--dry-run")
        assert done.stdout.splitlines()[0] == (
            "a reload would change: nothing; at a restart only: cache.size_octets"
        )
        done = daemon.control("reload")
        assert "cache.size_octets" in done.stdout
        assert "at a restart" in done.stdout


WORDS = (
    ("flush www.example.com", 0),
    ("nta remove example.org", 1),
    ("flush", 2),
    ("flush a..b", 2),
    ("trace www.example.com NOTYPE", 2),
    ("captive 2d", 2),
    ("nta add", 2),
    ("stale perhaps", 2),
)


def test_wrong_words_are_told_apart_from_a_no(tmp_path: Path) -> None:
    with controlled(tmp_path) as daemon:
        for words, status in WORDS:
            done = daemon.control(*words.split())
            assert (words, done.returncode, bool(done.stderr)) == (words, status, status > 0)
            assert "Traceback" not in done.stderr


def test_a_mistake_changes_nothing_and_says_why(tmp_path: Path) -> None:
    with controlled(tmp_path) as daemon:
        write(tmp_path, daemon.port, "server.identity = 'me'\nserver.rate_limit = 'much'")
        done = daemon.control("reload")
        assert done.returncode == 1
        assert "not reloaded, nothing has changed" in done.stderr
        assert ": server.rate_limit: 'much' is text in quotes; expected" in done.stderr
        write(tmp_path, daemon.port, "server.identity = ")
        assert f"{daemon.config} line 1" in daemon.control("reload").stderr
        assert daemon.ask(NAME) == Rcode.NOERROR


def test_the_socket_itself_is_moved(tmp_path: Path) -> None:
    """The reply still comes by the old one."""
    with controlled(tmp_path) as daemon:
        text = daemon.config.read_text()
        daemon.config.write_text(text.replace("/control'", "/other'"))
        assert daemon.told("reload")["said"] == "reloaded: reopened: control.socket"
        assert not daemon.socket.exists()
        assert daemon.control("status", "--socket", str(tmp_path / "other")).returncode == 0
        (tmp_path / "file").write_text("mine")
        daemon.config.write_text(text.replace("/control'", "/file'"))
        done = daemon.control("reload", "--socket", str(tmp_path / "other"))
        assert done.returncode == 1
        assert "control.socket" in done.stderr
        assert (tmp_path / "file").read_text() == "mine"
        daemon.config.write_text(text)
        daemon.control("reload", "--socket", str(tmp_path / "other"))
        assert daemon.told("status")["ok"] is True


def test_how_much_is_logged(tmp_path: Path) -> None:
    with controlled(tmp_path, head=f"{ALONE}\nlog.destination = '{tmp_path / 'file'}'") as daemon:
        assert daemon.told("log", "level", "debug") == {
            "id": 1, "ok": True, "level": "debug", "before": "warning",
        }  # fmt: skip
        daemon.ask(NAME)
        assert NAME in (tmp_path / "file").read_text()
        assert "warning now; debug before" in daemon.control("log", "level", "warning").stdout
        (tmp_path / "file").rename(tmp_path / "file.1")
        assert daemon.told("log", "reopen")["reopened"] == [str(tmp_path / "file")]
        assert (tmp_path / "file").exists()
        assert daemon.control("log", "level", "loud").returncode == 2


@pytest.mark.parametrize("head", [ALONE])
def test_a_drained_daemon_takes_no_queries_until_it_is_told_to(tmp_path: Path, head: str) -> None:
    with controlled(tmp_path, head=head) as daemon:
        assert daemon.told("drain") == {"id": 1, "ok": True, "is_drained": True, "in_flight": 0}
        with pytest.raises(ConnectionRefusedError):
            daemon.ask(NAME)
        with closing(socket.socket()) as client, pytest.raises(ConnectionRefusedError):
            client.connect(("127.0.0.1", daemon.port))
        assert "listening on nothing (drained)" in daemon.control("status").stdout
        daemon.told("reload")
        with pytest.raises(ConnectionRefusedError):
            daemon.ask(NAME)
        assert daemon.told("drain", "--undo")["is_drained"] is False
        assert daemon.ask(NAME) == Rcode.NOERROR


def test_what_the_counters_come_to(tmp_path: Path) -> None:
    with controlled(tmp_path) as daemon:
        for _ in range(3):
            daemon.ask(NAME)
        counters = daemon.told("stats")["counters"]
        assert (counters["udp_queries_total"], counters["packet_cache_hits_total"]) == (3, 2)
        assert "from ready packets" in daemon.control("stats").stdout


def test_it_can_be_ended(tmp_path: Path) -> None:
    with controlled(tmp_path) as daemon:
        done = daemon.control("stop")
        assert (done.returncode, done.stderr) == (0, "")
        assert daemon.process.wait(PATIENCE_S) == 0


@AS_ROOT
def test_admins_may_act_and_members_may_look() -> None:
    """The daemon's group is that of its account; one of the two accounts is an admin, too."""
    daemon_account, admin, member = pwd.getpwnam("daemon"), 54321, 54322
    head = f"server.user = 'daemon'\ncontrol.admins = [{admin}]"
    with open_folder() as folder, controlled(folder, head=head) as daemon:
        gid = daemon_account.pw_gid
        assert daemon.socket.stat().st_gid == gid
        act = {"do": "log level", "level": "info"}
        accounts = ((0, True), (admin, True), (member, False), (daemon_account.pw_uid, False))
        for user, may_act in accounts:
            assert '"ok":true' in daemon.asked_as(user, gid, do="status")
            told = daemon.asked_as(user, gid, **act)
            assert ('"ok":true' in told) is may_act
            assert ("only root, and who is in control.admins" in told) is not may_act
        assert "Permission denied" in daemon.asked_as(member, member, do="status")
