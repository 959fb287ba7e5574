"""Lists and policy zones where several workers share the ports: all of them have the same."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from resolver.protocol.codes import Rcode
from tests.cli.test_serve import free_port
from tests.daemon.test_rpz_primaries import CONF, NAMED, SECRET, ZONE
from tests.e2e.controlled import PATIENCE_S, Controlled, controlled
from tests.e2e.test_control_workers import QUESTIONS, _workers

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKERS = 2


def head(folder: Path, keys: str) -> str:
    """Names that no policy is about are asked of a port where nobody is: SERVFAIL."""
    return (
        f"working_directory = '{folder}'\nserver.workers = {WORKERS}\nserver.user = ''\n"
        f"log.level = 'info'\ncache.persist = false\n{keys}\n"
        f"forward = [{{zone = '.', addresses = ['127.0.0.1:{free_port()}'], validate = false}}]"
    )


def until(daemon: Controlled, name: str, wanted: int) -> None:
    """Returns when the worker that has *name* says so."""
    ends_at = time.monotonic() + PATIENCE_S
    while {daemon.ask(name) for _ in range(QUESTIONS)} != {wanted}:
        assert time.monotonic() < ends_at, daemon.log.read_text()
        time.sleep(0.2)


def mapped(pid: int, what: str = "lists/compiled") -> set[tuple[str, str]]:
    """Device and inode of the compiled lists, or another such file, that the process has mapped."""
    text = Path(f"/proc/{pid}/maps").read_text()
    return set(re.findall(rf" (\S+) (\d+) +\S*/{what}", text))


def one_map(
    daemon: Controlled, what: str = "lists/compiled", but: object = None
) -> set[tuple[str, str]]:
    """The one file that every worker has mapped, and nobody has another; not what was before."""
    ends_at = time.monotonic() + PATIENCE_S
    while True:
        found = [mapped(pid, what) for pid in _workers(daemon)]
        if len(found) == WORKERS and found[0] == found[1] != but and len(found[0]) == 1:
            return found[0]
        assert time.monotonic() < ends_at, found
        time.sleep(0.2)


def test_lists_are_mapped_once_for_all_and_a_swap_reaches_each(tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text("www.example.com\n")
    block = f"block = [{{source = '{own}', action = 'refused'}}]"
    with controlled(tmp_path, head=head(tmp_path, block), is_lab=False) as daemon:
        until(daemon, "www.example.com.", Rcode.REFUSED)
        first = one_map(daemon)
        own.write_text("mail.example.com\n||x.example^\n")
        assert daemon.control("reload").returncode == 0
        until(daemon, "www.example.com.", Rcode.SERVFAIL)
        until(daemon, "mail.example.com.", Rcode.REFUSED)
        one_map(daemon, but=first)
        assert daemon.control("pause", "10m").returncode == 0
        until(daemon, "mail.example.com.", Rcode.SERVFAIL)
        assert daemon.control("pause", "off").returncode == 0
        assert daemon.control("allow", "mail.example.com").returncode == 0
        until(daemon, "mail.example.com.", Rcode.SERVFAIL)
        until(daemon, "x.example.", Rcode.REFUSED)


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """BIND's named with a policy zone: its port, and the one that it tells of changes."""
    if NAMED is None or shutil.which("nsupdate") is None:
        pytest.skip("not installed: named, nsupdate")
    port, told = free_port(), free_port()
    folder = tmp_path / "named"
    folder.mkdir()
    (folder / "rpz.zone").write_text(ZONE)
    conf = CONF.format(path=folder, port=port, told=told, secret=SECRET)
    (folder / "named.conf").write_text(conf)
    log = folder / "log"
    with log.open("wb") as file, subprocess.Popen(
        [NAMED, "-g", "-c", str(folder / "named.conf")], stdout=file, stderr=file
    ) as process:  # fmt: skip
        ends_at = time.monotonic() + PATIENCE_S
        while b"all zones loaded" not in log.read_bytes():
            assert time.monotonic() < ends_at
            time.sleep(0.1)
        yield port, told
        process.terminate()


def test_notify_that_any_worker_hears_renews_the_zone_of_all(
    tmp_path: Path, primary: tuple[int, int]
) -> None:
    """Whoever shares the port may get it; one of them transfers."""
    port, told = primary
    rpz = f"rpz = [{{zone = 'rpz.test', primaries = ['127.0.0.1:{port}'], tsig = 'hmac-sha256:k:{SECRET}'}}]"  # noqa: E501
    with controlled(tmp_path, head=head(tmp_path, rpz), is_lab=False, port=told) as daemon:
        until(daemon, "www.example.com.", Rcode.NXDOMAIN)
        for number in range(4):  # from sockets of its own each time, to either worker
            name = f"mail{number}.example.com"
            update = f"server 127.0.0.1 {port}\nzone rpz.test\nkey hmac-sha256:k {SECRET}\n"
            update += f"update add {name}.rpz.test 60 A 192.0.2.9\nsend\n"
            subprocess.run(["nsupdate"], input=update, text=True, check=True, timeout=PATIENCE_S)
            until(daemon, f"{name}.", Rcode.NOERROR)
        one_map(daemon, "rpz/rpz.test.table")
        counted = daemon.told("stats")["counters"]
        assert counted["rpz_notified_total"] >= 1
        assert counted["rpz_incremental_total"] >= 1
