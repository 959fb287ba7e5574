"""Who has a port: read from /proc, where the system has it."""

from __future__ import annotations

import itertools
import os
import socket
import sys
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.runtime import port_holders
from resolver.runtime.port_holders import holder, holders, read_table_untrusted, unit_of

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
  42: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 111 2 0 0
  43: 00000000:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000   999        0 112 2 0 0
  44: 3500007F:0035 0100007F:1234 01 00000000:00000000 00:00000000 00000000     0        0 113 2 0 0
"""
V6 = """\
  sl  local_address rem_address st
  0: 00000000000000000000000001000000:0035 0:0 0A 0:0 00:0 0 0 0 7 1 0
  1: 00000000000000000000000000000000:0035 0:0 01 0:0 00:0 0 0 0 8 1 0
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's /proc/net")


def test_the_kernels_table_is_read() -> None:
    found = list(read_table_untrusted(TABLE, 53, is_udp=True))
    assert [(one.host, one.inode) for one in found] == [("127.0.0.1", "111")]


def test_a_connection_is_nobody_who_listens() -> None:
    found = list(read_table_untrusted(V6, 53, is_udp=False))
    assert [(one.host, one.inode) for one in found] == [("::1", "7")]


@given(st.text(), st.booleans())
def test_read_table_untrusted(text: str, is_udp: bool) -> None:  # noqa: FBT001
    for found in read_table_untrusted("head\n" + text, 53, is_udp=is_udp):
        assert found.inode


@linux
@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_this_process_finds_itself(kind: socket.SocketKind) -> None:
    is_udp = kind is socket.SOCK_DGRAM
    with closing(socket.socket(socket.AF_INET, kind)) as sock:
        sock.bind(("127.0.0.1", 0))
        if not is_udp:
            sock.listen()
        port = sock.getsockname()[1]
        found = holder("127.0.0.1", port, is_udp=is_udp)
        assert found is not None
        assert (found.pid, found.is_udp) == (os.getpid(), is_udp)
        assert f"process {os.getpid()}" in str(found)
        assert holder("127.0.0.2", port, is_udp=is_udp) is None
        assert holder("0.0.0.0", port, is_udp=is_udp) == found  # noqa: S104
        assert holder("127.0.0.1", port, is_udp=not is_udp) is None
    assert holders(port) == []


@linux
@pytest.mark.reaches("HOLDER_DESCRIPTORS")
def test_no_more_open_files_are_looked_at_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """The port is still known to be taken, and by which account."""
    looked = itertools.count()
    many = (f"/proc/self/fd/nothing-{number}" for number in looked)
    monkeypatch.setattr(port_holders, "_descriptors", lambda: many)
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.bind(("127.0.0.1", 0))
        found = holder("127.0.0.1", sock.getsockname()[1], is_udp=True)
    assert next(looked) == 200_000
    assert found is not None
    assert found.pid == 0
    assert str(found).startswith("one that runs as ")


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        ("0::/system.slice/systemd-resolved.service\n", "systemd-resolved.service"),
        ("0::/system.slice/docker.service/app.service\n", "app.service"),
        ("0::/user.slice/user-1000.slice/session-2.scope\n", ""),
        ("0::/\n", ""),
    ],
)
def test_its_unit_is_read_from_its_control_group(cgroup: str, unit: str) -> None:
    assert unit_of(cgroup) == unit
