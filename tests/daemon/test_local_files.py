"""Hosts and lease files: followed while the daemon runs, in slices; trouble is told once."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING
from unittest.mock import AsyncMock, patch

import pytest
import trio
from msgspec.structs import replace

from resolver.config.schema import Config
from resolver.config.schema_local import Local
from resolver.daemon import local_files, local_watch
from resolver.daemon.local_files import LocalFiles
from resolver.daemon.reload import reload
from resolver.limits import LOCAL_FILE_OCTETS, LOCAL_LOOK_SECONDS, LOCAL_SLICE_LINES
from resolver.protocol.transport import Transport
from resolver.runtime.rests import Rests
from tests.asking import SOURCE, octets, read
from tests.making import name, question
from tests.recurse.household import WALL, House, house, village
from tests.support import set_limit, trio_test

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.model import Answer

NAS = question("nas. A")


def hosts(path: Path) -> Config:
    return Config(local=Local(hosts_files=(str(path),)))


async def told(home: House, text: str) -> list[bytes] | None:
    """What the daemon tells of a local name; None: nothing local."""
    found: Answer | None = home.daemon.parts.pipeline.before(question(text))
    return None if found is None else [one for rrset in found.answer for one in rrset.rdatas]


@pytest.mark.reaches("LOCAL_LOOK_SECONDS")
@trio_test
async def test_a_file_that_changes_is_read_again_and_packets_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("10.0.0.1 nas\n")
    async with house(village(), hosts(file)) as home:
        reply = await read(home, octets(NAS))
        assert [record.rdata for record in reply.answer] == [b"\x0a\0\0\1"]
        fast_path = home.pipeline.fast_path(Transport.UDP)
        assert fast_path.begin()(octets(NAS), SOURCE) is not None
        await trio.sleep(3 * LOCAL_LOOK_SECONDS)
        assert home.parts.base.local_files.reads == 1
        file.write_text("10.0.0.22 nas\n")
        await trio.sleep(LOCAL_LOOK_SECONDS + 0.1)
        assert fast_path.begin()(octets(NAS), SOURCE) is None
        assert await told(home, "nas. A") == [b"\x0a\0\0\x16"]
        replaced = tmp_path / "new"
        replaced.write_text("10.0.0.33 nas\n")
        replaced.rename(file)  # as package managers and DHCP clients do
        await trio.sleep(LOCAL_LOOK_SECONDS + 0.1)
        assert await told(home, "nas. A") == [b"\x0a\0\0\x21"]


@trio_test
async def test_a_file_that_vanishes_or_is_shut_counts_on_and_that_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "hosts"
    file.write_text("10.0.0.1 nas\n")
    async with house(village(), hosts(file)) as home:
        file.unlink()
        await trio.sleep(4 * LOCAL_LOOK_SECONDS)
        assert await told(home, "nas. A") == [b"\x0a\0\0\1"]
        file.mkdir()
        await trio.sleep(4 * LOCAL_LOOK_SECONDS)
        assert await told(home, "nas. A") == [b"\x0a\0\0\1"]
        file.rmdir()
        os.mkfifo(file)  # who opens it waits for somebody who writes
        await trio.sleep(4 * LOCAL_LOOK_SECONDS)
        assert await told(home, "nas. A") == [b"\x0a\0\0\1"]
        file.unlink()
        file.write_text("10.0.0.2 nas\n")
        await trio.sleep(LOCAL_LOOK_SECONDS + 0.1)
        assert await told(home, "nas. A") == [b"\x0a\0\0\2"]
    said = [record.getMessage() for record in caplog.records if str(file) in record.getMessage()]
    assert said == [
        f"{file} cannot be read, and counts as it was: it is not there",
        f"{file} cannot be read, and counts as it was: Is a directory",
        f"{file} cannot be read, and counts as it was: it is a pipe",
        f"{file} is read again",
    ]


@trio_test
async def test_lines_that_do_not_parse_are_told_once_for_each_version(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "hosts"
    file.write_text("10.0.0.1 nas\nwhat is this\n")
    async with house(village(), hosts(file)) as home:
        await trio.sleep(3 * LOCAL_LOOK_SECONDS)
        assert await told(home, "nas. A") == [b"\x0a\0\0\1"]
        assert home.parts.base.local_files.bad_lines == 1
    said = [record.getMessage() for record in caplog.records if str(file) in record.getMessage()]
    line = "line 2: 'what is this', expected an address first"
    assert said == [f"{file}: 1 line does not count: {line}"]


@pytest.mark.reaches("LOCAL_FILE_OCTETS")
def test_a_file_beyond_all_measure_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    set_limit(monkeypatch, local_files, "LOCAL_FILE_OCTETS", 100)
    assert LOCAL_FILE_OCTETS > 100
    file = tmp_path / "hosts"
    file.write_text("10.0.0.1 nas\n" * 8)
    (table,) = LocalFiles(tells=True).tables(hosts(file))
    assert table.names == {}
    assert "it has more than 100 octets" in caplog.text


@trio_test
async def test_a_large_file_never_holds_up_the_loop(tmp_path: Path) -> None:
    """Between two slices it may rest; what it replaces is freed in slices, too."""
    file = tmp_path / "hosts"
    file.write_text("10.0.0.1 nas\n")
    async with house(village(), hosts(file)) as home:
        file.write_text("".join(f"10.0.{n >> 8 & 255}.{n & 255} host{n}\n" for n in range(20_000)))
        files, parts = home.parts.base.local_files, home.daemon.parts
        with patch.object(Rests, "turn", AsyncMock()) as turn:
            gone = await local_watch.refreshed(parts)
            assert turn.await_count == 20_000 // LOCAL_SLICE_LINES
            await local_watch.free(gone)
        assert turn.await_count > 20_000 // LOCAL_SLICE_LINES
        assert len(gone) == 1
        assert files.reads == 2


@trio_test
async def test_a_reload_brings_files_and_takes_them(tmp_path: Path) -> None:
    file, other = tmp_path / "hosts", tmp_path / "more"
    file.write_text("10.0.0.1 nas\n")
    other.write_text("10.0.0.2 box\n")
    async with house(village(), hosts(file)) as home:
        config = home.daemon.config
        both = replace(config, local=Local(hosts_files=(str(file), str(other))))
        await reload(home.daemon, both)
        assert await told(home, "box. A") == [b"\x0a\0\0\2"]
        assert home.parts.base.local_files.reads == 2  # the first one is as it was
        other.write_text("10.0.0.3 box\n")
        await reload(home.daemon, both)
        assert await told(home, "box. A") == [b"\x0a\0\0\3"]
        await reload(home.daemon, replace(config, local=Local()))
        assert await told(home, "box. A") is None


@trio_test
async def test_leases_have_names_until_they_end(tmp_path: Path) -> None:
    """The file need not be there at the start."""
    file = tmp_path / "dnsmasq.leases"
    config = Config(local=Local(leases_file=str(file), domain="lan"))
    async with house(village(), config) as home:
        assert await told(home, "laptop.lan. A") is None
        until = int(WALL) + 100
        file.write_text(f"{until} aa:bb:cc:dd:ee:ff 192.168.1.50 Laptop *\n")
        await trio.sleep(LOCAL_LOOK_SECONDS + 0.1)
        for asked in ("laptop.lan. A", "laptop. A"):
            assert await told(home, asked) == [b"\xc0\xa8\1\x32"]
        pointer = await told(home, "50.1.168.192.in-addr.arpa. PTR")
        assert pointer == [name("laptop.lan.")]
        await trio.sleep(100)
        assert await told(home, "laptop.lan. A") is None


def test_what_a_host_calls_itself_may_be_anything(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And takes nobody else's place."""
    caplog.set_level(logging.WARNING)
    file = tmp_path / "leases"
    hosts = ("a..b", "www.example.com", "tv", "wpad", "localhost", "*.example")
    file.write_text("".join(f"0 aa 10.0.0.{at} {host} *\n" for at, host in enumerate(hosts)))
    files = LocalFiles()
    (table,) = files.tables(Config(local=Local(leases_file=str(file))))
    owners = {owner for owner in table.names if not owner.endswith(name("in-addr.arpa."))}
    assert owners == {
        name("www."), name("www.home.arpa."), name("tv."), name("tv.home.arpa."),
    }  # fmt: skip
    assert "1 line does not count" in files.said[0]
