"""Workers as they are started: what they have in common, and how one takes another's place.

Real processes on loopback, and an authority that counts what it is asked.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import dns.message
import dns.query
import dns.rcode
import pytest

from tests.e2e.askers import Askers
from tests.e2e.controlled import PATIENCE_S, Controlled, controlled, write
from tests.e2e.test_restart import Authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.timeout(180)
WORKERS = 3
NAMES = [f"host{number}.example." for number in range(20)]
ONCE_S = 30.0  # to wait for a reply, and not ask again
EACH = 8 * WORKERS  # enough connections, or names, to reach each worker


@pytest.fixture
def authority() -> Iterator[Authority]:
    found = Authority()
    yield found
    found.close()


def _head(authority: Authority, folder: Path | None = None, more: str = "") -> str:
    where = f'working_directory = "{folder}"' if folder is not None else ""
    return f"""
        {where}
        dnssec.negative_trust_anchors = ["example."]
        stub = [{{zone = "example.", addresses = ["127.0.0.1:{authority.port}"]}}]
        log.level = "info"
        server.user = ""
        server.workers = {WORKERS}
        {more}
    """


@contextmanager
def _serving(folder: Path, head: str) -> Iterator[Controlled]:
    with controlled(folder, head=head, is_lab=False) as daemon:
        _until(lambda: len(_pids(daemon)) == WORKERS and "failed" not in daemon.told("status"))
        yield daemon


def _pids(daemon: Controlled) -> list[int]:
    """Of the workers."""
    path = Path(f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children")
    return sorted(int(each) for each in path.read_text().split())


def _until(is_so: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < ends_at
        time.sleep(0.05)


def _ask_all(daemon: Controlled, name: str) -> None:
    for _ in range(EACH):
        assert daemon.ask_anyone(name) == dns.rcode.NOERROR


def _ended(daemon: Controlled, pid: int) -> None:
    """Until the worker *pid* is gone, and another one serves in its place."""
    _until(lambda: pid not in _pids(daemon) and len(_pids(daemon)) == WORKERS)
    _until(lambda: daemon.control("status").returncode == 0)


# --- what they have in common -----------------------------------------------------------------


@pytest.mark.parametrize("persists", [True, False])
def test_what_one_worker_has_learnt_no_other_asks_for(
    tmp_path: Path,
    authority: Authority,
    persists: bool,  # noqa: FBT001
) -> None:
    """From the next moment on, on disk or not; and nobody has it any more once it is flushed."""
    head = _head(authority, tmp_path if persists else None)
    with _serving(tmp_path, head) as daemon:
        for round_ in range(2):
            asked = authority.asked
            for name in NAMES:
                _ask_all(daemon, name)
            assert authority.asked - asked == len(NAMES), round_
            assert daemon.control("flush", "example.", "--below").returncode == 0
        counters = daemon.told("stats")["counters"]
        assert counters["common_found_total"] >= len(NAMES)
        assert counters["common_damaged_total"] == 0


def test_a_ready_reply_is_made_once_for_all_clients(tmp_path: Path, authority: Authority) -> None:
    """A name is one worker's, whoever asks; and stays so when another one dies."""
    with _serving(tmp_path, _head(authority)) as daemon:

        def made() -> int:
            for name in NAMES:
                for _ in range(EACH):
                    assert daemon.ask(name) == dns.rcode.NOERROR
            counters = daemon.told("stats")["counters"]
            assert counters["udp_queries_total"] >= EACH * len(NAMES)
            stored: int = counters["packet_cache_stored_total"]
            return stored

        assert made() == len(NAMES)
        pid = _pids(daemon)[1]
        os.kill(pid, signal.SIGKILL)
        _ended(daemon, pid)
        assert made() == len(NAMES)  # by the one that came, its own; by the others none


def test_a_worker_that_follows_another_knows_what_they_know(
    tmp_path: Path, authority: Authority
) -> None:
    with _serving(tmp_path, _head(authority)) as daemon:
        for name in NAMES:
            _ask_all(daemon, name)
        asked, pid = authority.asked, _pids(daemon)[1]
        os.kill(pid, signal.SIGKILL)
        _ended(daemon, pid)
        for name in NAMES:
            _ask_all(daemon, name)
        assert authority.asked == asked


# --- one in another's place -------------------------------------------------------------------


def test_all_are_made_anew_and_no_question_is_lost(tmp_path: Path, authority: Authority) -> None:
    """What needs a restart counts from then on, in each."""
    with _serving(tmp_path, _head(authority)) as daemon:
        before = _pids(daemon)
        write(tmp_path, daemon.port, _head(authority, more="cache.size_octets = 5_000_000"))
        with Askers(daemon.port, NAMES, again_s=ONCE_S) as askers:
            told = daemon.told("restart")
            assert told["workers"] == WORKERS
            assert {one["key"] for one in told["changes"]} == {"cache.size_octets"}
            assert daemon.logged(f"{WORKERS} workers are made anew\n")
        assert askers.lost == []
        assert len(askers.done) > WORKERS
        after = _pids(daemon)
        assert len(after) == WORKERS
        assert not set(before) & set(after)
        assert daemon.told("reload")["said"] == "reloaded: nothing has changed"


@pytest.mark.alone  # a server is not to be slower than it is meant to be
def test_what_was_begun_before_a_worker_leaves_is_answered(
    tmp_path: Path, authority: Authority
) -> None:
    """A server that is slow; and who asks over TCP meanwhile."""
    with _serving(tmp_path, _head(authority)) as daemon:
        authority.delay_s = 0.2
        for number in range(EACH):
            assert daemon.ask(f"first{number}.example.") == dns.rcode.NOERROR
        before = _pids(daemon)
        names = [f"slow{number}.example." for number in range(4000)]
        with Askers(daemon.port, names, rate=40, again_s=ONCE_S) as askers:
            time.sleep(0.5)
            assert daemon.control("restart").returncode == 0
            reply = dns.query.tcp(
                dns.message.make_query(NAMES[0], "A"), "127.0.0.1", port=daemon.port, timeout=20
            )
            assert reply.rcode() == dns.rcode.NOERROR
            assert daemon.logged(f"{WORKERS} workers are made anew\n")
        assert askers.lost == []
        assert not set(before) & set(_pids(daemon))


def test_a_restart_into_a_faulty_configuration_is_refused(
    tmp_path: Path, authority: Authority
) -> None:
    with _serving(tmp_path, _head(authority)) as daemon:
        before = _pids(daemon)
        write(tmp_path, daemon.port, _head(authority, more="cache.size = 7"))
        refused = daemon.control("restart")
        assert refused.returncode == 1
        assert "cache.size" in refused.stderr
        assert _pids(daemon) == before


def test_one_process_alone_is_not_made_anew(tmp_path: Path, authority: Authority) -> None:
    head = _head(authority).replace(f"server.workers = {WORKERS}", "server.workers = 1")
    with controlled(tmp_path, head=head, is_lab=False) as daemon:
        refused = daemon.control("restart")
        assert refused.returncode == 1
        assert "restart the service" in refused.stderr


def test_a_worker_that_is_told_to_end_loses_nothing(tmp_path: Path, authority: Authority) -> None:
    """By whoever found its process in a list."""
    with _serving(tmp_path, _head(authority)) as daemon:
        with Askers(daemon.port, NAMES, again_s=ONCE_S) as askers:
            for place in (1, 0):
                pid = _pids(daemon)[place]
                os.kill(pid, signal.SIGTERM)
                _ended(daemon, pid)
        assert askers.lost == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("place", [0, 1])
def test_who_asks_a_worker_that_dies_or_hangs_asks_once_more_at_most(
    tmp_path: Path, authority: Authority, how: signal.Signals, place: int
) -> None:
    """From the same port, some seconds later; and who asks the others for their names does not."""
    with _serving(tmp_path, _head(authority)) as daemon:
        for name in NAMES:
            assert daemon.ask(name) == dns.rcode.NOERROR
        with Askers(daemon.port, NAMES, again_s=5.0, last_s=ONCE_S) as askers:
            pid = _pids(daemon)[place]
            os.kill(pid, how)
            _ended(daemon, pid)
        assert askers.failed == []
        assert len({one.name for one in askers.lost}) < len(NAMES)


def test_reloads_lose_no_question(tmp_path: Path, authority: Authority) -> None:
    with _serving(tmp_path, _head(authority)) as daemon:
        with Askers(daemon.port, NAMES, again_s=ONCE_S) as askers:
            for number in range(4):
                more = f"server.identity = 'i{number}'"
                write(tmp_path, daemon.port, _head(authority, more=more))
                if number % 2:
                    assert daemon.told("reload")["said"] == "reloaded: server.identity"
                else:
                    daemon.process.send_signal(signal.SIGHUP)
                    time.sleep(0.5)
        assert askers.lost == []


def test_who_follows_a_worker_of_a_drained_daemon_takes_no_questions_either(
    tmp_path: Path, authority: Authority
) -> None:
    with _serving(tmp_path, _head(authority)) as daemon:
        assert daemon.control("drain").returncode == 0
        pid = _pids(daemon)[1]
        os.kill(pid, signal.SIGKILL)
        _ended(daemon, pid)
        for _ in range(EACH):
            with pytest.raises(ConnectionRefusedError):
                daemon.ask(NAMES[0])
        assert daemon.control("drain", "--undo").returncode == 0
        _ask_all(daemon, NAMES[0])


def test_a_wildcard_socket_answers_from_where_it_was_asked_while_it_leaves(
    tmp_path: Path, authority: Authority
) -> None:
    head = _head(authority)
    with _serving(tmp_path, head) as daemon:
        text = daemon.config.read_text().replace("'127.0.0.1:", "'0.0.0.0:")
        daemon.config.write_text(text)
        assert daemon.control("reload").returncode == 0
        query = dns.message.make_query(NAMES[0], "A", use_edns=0).to_wire()
        assert daemon.control("restart").returncode == 0
        for _ in range(200):
            with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
                sock.settimeout(PATIENCE_S)
                sock.connect(("127.0.0.2", daemon.port))
                sock.send(query)
                assert dns.message.from_wire(sock.recv(4096)).rcode() == dns.rcode.NOERROR
        assert daemon.logged(f"{WORKERS} workers are made anew\n")


def test_an_outage_that_one_worker_finds_the_others_go_by(
    tmp_path: Path, authority: Authority
) -> None:
    """It is found once, and ends for all at once: after the first good answer all are good."""
    with _serving(tmp_path, _head(authority)) as daemon:
        for name in NAMES:
            _ask_all(daemon, name)
        authority.is_up = False
        assert daemon.ask("first.example.") == dns.rcode.SERVFAIL
        for number in range(EACH):
            assert daemon.ask(f"n{number}.example.") == dns.rcode.SERVFAIL
        said = daemon.log.read_text()
        assert said.count("nobody answers any more") == 1
        authority.is_up = True
        assert daemon.logged("answers come again")
        for number in range(EACH):
            assert daemon.ask(f"m{number}.example.") == dns.rcode.NOERROR
