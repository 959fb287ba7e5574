"""Lists in a daemon: in force from the first query on, renewed, and kept whatever happens."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import msgspec
import pytest
from msgspec.structs import replace

from resolver.config.schema import Block, Policy, View
from resolver.daemon import list_keeper, list_mapping, list_texts
from resolver.daemon.child import ChildFailed
from resolver.daemon.list_job import Compiled, CompileJob, ListPart
from resolver.daemon.list_shelf import COMPILED, Shelf
from resolver.daemon.list_texts import Known, fresh_text
from resolver.daemon.reload import reload
from resolver.daemon.state import StateDirectory
from resolver.errors import WireError
from resolver.limits import LIST_OCTETS
from resolver.protocol.codes import EdeCode
from tests.daemon.listing import ADS, NOBODY, REAL, WWW, Home, edes, home
from tests.daemon.reloading import ask
from tests.support import set_limit, trio_test_real

if TYPE_CHECKING:
    from pathlib import Path

GOOD = f"0.0.0.0 {ADS}\n"
OTHER = "||www.example.com^\n"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A list of ours."""
    path = tmp_path / "own.txt"
    path.write_text(GOOD)
    return path


def entry(path: Path, **how: object) -> Block:
    return Block(name="own", source=str(path), **how)  # type: ignore[arg-type]


def put(path: Path, text: str | bytes) -> None:
    """Have it say something else; files that are written within one tick differ all the same."""
    octets = text.encode() if isinstance(text, str) else text
    path.write_bytes(octets)
    os.utime(path, ns=(time.time_ns(), time.time_ns() + len(octets)))


def take_away(path: Path) -> None:
    path.unlink(missing_ok=True)


def files_in(folder: Path) -> list[str]:
    return [one.name for one in (folder / "lists").glob("*")]


def octets_of(path: Path) -> bytes:
    return path.read_bytes()


async def changed(it: Home, path: Path, text: str | bytes) -> None:
    """*path* has another text, and it was looked at."""
    put(path, text)
    await it.daemon.lists.keeper.look()


@trio_test_real
async def test_a_listed_name_is_blocked_from_the_first_query_on(own: Path, tmp_path: Path) -> None:
    async with home(tmp_path, entry(own)) as it:
        reply = await ask(it.port, ADS)
        assert [one.rdata for one in reply.answer] == [NOBODY]
        assert [one.ttl for one in reply.answer] == [10]
        assert await it.address(WWW) != [NOBODY]
        assert it.daemon.registry.values()["resolver_lists_blocked_total"] == 1
        assert it.daemon.registry.values()["resolver_lists_names"] == 1


@trio_test_real
async def test_a_blocked_name_is_a_packet_the_second_time(own: Path, tmp_path: Path) -> None:
    """Whatever it is answered with; it costs no more than any other hit."""
    for answer in ("null", "nxdomain", "nodata", "refused", ("192.0.2.10",)):
        policy = Policy(block_answer=answer)
        async with home(tmp_path, entry(own), policy=policy) as it:
            first = await ask(it.port, ADS, id=7)
            second = await ask(it.port, ADS, id=8)
            counted = it.daemon.registry.values()
            assert counted["resolver_packet_cache_hits_total"] == 1, answer
            assert counted["resolver_clients_queries_total"] == 1
            assert (first.rcode, first.answer, first.authority) == (
                second.rcode, second.answer, second.authority,
            )  # fmt: skip


@trio_test_real
async def test_the_list_is_told_to_who_understands(own: Path, tmp_path: Path) -> None:
    async with home(tmp_path, entry(own)) as it:
        import trio  # noqa: PLC0415

        from tests.daemon.reloading import HOST, query  # noqa: PLC0415

        octets = bytearray(query(ADS, 9))
        octets[11] = 1
        octets += b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
        with trio.fail_after(5), trio.socket.socket(type=trio.socket.SOCK_DGRAM) as sock:
            await sock.connect((HOST, it.port))
            await sock.send(octets)
            from resolver.protocol.wire import parse_untrusted  # noqa: PLC0415

            reply = parse_untrusted(await sock.recv(4096))
        assert edes(reply) == [(EdeCode.BLOCKED, "list own"), (EdeCode.FORGED_ANSWER, "")]
        assert not reply.flags & 0x0420  # neither AA nor AD


@trio_test_real
async def test_another_text_of_a_file_takes_effect(own: Path, tmp_path: Path) -> None:
    async with home(tmp_path, entry(own)) as it:
        assert await it.address(ADS) == [NOBODY]
        assert await it.address(WWW) != [NOBODY]
        await changed(it, own, OTHER)
        assert await it.address(ADS) == [REAL]
        assert await it.address(WWW) == [NOBODY]
        assert it.daemon.lists.keeper.compiled == 2
        await it.daemon.lists.keeper.look()
        assert it.daemon.lists.keeper.compiled == 2


@pytest.mark.parametrize(
    "text",
    [b"<html><body>404</body></html>", b"\0\1\2", b"no list\nat all\n", b"", None],
    ids=["a page", "binary", "nonsense", "empty", "gone"],
)
@trio_test_real
async def test_what_a_list_turns_into_leaves_the_protection_as_it_was(
    text: bytes | None, own: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with home(tmp_path, entry(own)) as it:
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                if text is None:
                    take_away(own)
                    await it.daemon.lists.keeper.look()
                else:
                    await changed(it, own, text)
        assert await it.address(ADS) == [NOBODY]
        told = [one.getMessage() for one in caplog.records if "list own" in one.getMessage()]
        assert len(told) == 1
        caplog.clear()
        await changed(it, own, OTHER)
        assert await it.address(WWW) == [NOBODY]
        assert [one.getMessage() for one in caplog.records] == ["list own is renewed again"]
    async with home(tmp_path, entry(own)) as it:
        assert await it.address(WWW) == [NOBODY]


def test_a_file_that_is_still_being_written_is_left_for_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of a list would be a list."""
    path, shelf, copy = tmp_path / "list", Shelf(StateDirectory()), list_texts._copy
    path.write_text("||a.example^\n")
    first = fresh_text(path, Known(), shelf)
    assert first is not None
    known = Known(digest=first.digest, stamp=first.stamp)
    path.write_text("||a.example^\n||b.example^\n")

    def copied(source: int, target: int) -> str:
        digest = copy(source, target)
        with path.open("a") as file:
            file.write("||c.example^\n")
        return digest

    with monkeypatch.context() as writing:
        writing.setattr(list_texts, "_copy", copied)
        assert fresh_text(path, known, shelf) is None
        assert fresh_text(path, Known(), shelf) is not None  # better than none
    assert fresh_text(path, known, shelf) is not None


@trio_test_real
async def test_it_is_there_after_a_restart_without_its_file(own: Path, tmp_path: Path) -> None:
    async with home(tmp_path, entry(own)):
        pass
    take_away(own)
    async with home(tmp_path, entry(own)) as it:
        assert await it.address(ADS) == [NOBODY]
        assert it.daemon.lists.keeper.compiled == 0


@pytest.mark.parametrize("damage", [b"", b"not at all", b"cut"])
@trio_test_real
async def test_a_damaged_file_is_set_aside_and_made_anew(
    damage: bytes, own: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with home(tmp_path, entry(own)):
        pass
    path = tmp_path / "lists" / COMPILED
    put(path, octets_of(path)[:-3] if damage == b"cut" else damage)
    take_away(own)
    async with home(tmp_path, entry(own)) as it:
        assert await it.address(ADS) == [NOBODY]
        assert it.daemon.lists.keeper.compiled == 1
    assert "damaged" in caplog.text
    assert f"{COMPILED}.damaged" in files_in(tmp_path)


@trio_test_real
async def test_a_file_that_is_cut_short_while_it_is_in_use_ends_nobody(
    own: Path, tmp_path: Path
) -> None:
    """A mapped one would end the process with SIGBUS."""
    async with home(tmp_path, entry(own)) as it:
        os.truncate(tmp_path / "lists" / COMPILED, 0)
        it.daemon.parts.packets.flush()
        assert await it.address(ADS) == [NOBODY]


@trio_test_real
async def test_a_reload_brings_lists_and_takes_them_away(own: Path, tmp_path: Path) -> None:
    async with home(tmp_path) as it:
        assert await it.address(ADS) == [REAL]
        await reload(it.daemon, it.with_lists(entry(own)))
        assert await it.address(ADS) == [NOBODY]
        await reload(it.daemon, it.with_lists(entry(own), policy=Policy(block_answer="nodata")))
        assert await it.address(ADS) == []
        allowed = Policy(allow=("example.com",))
        await reload(it.daemon, it.with_lists(entry(own), policy=allowed))
        assert await it.address(ADS) == [REAL]
        await reload(it.daemon, it.config)
        assert await it.address(ADS) == [REAL]
        assert it.daemon.parts.base.lists.table is None


@trio_test_real
async def test_without_a_directory_lists_work_all_the_same(own: Path, tmp_path: Path) -> None:
    async with home(tmp_path, entry(own), keeps=False) as it:
        assert await it.address(ADS) == [NOBODY]
        await changed(it, own, OTHER)
        assert await it.address(WWW) == [NOBODY]
        await changed(it, own, b"<html>")
        assert await it.address(WWW) == [NOBODY]
        await reload(it.daemon, it.with_lists(entry(own, action="nxdomain")))
        assert await it.address(WWW) == []
    assert files_in(tmp_path) == []


@trio_test_real
async def test_addresses_are_told_as_a_hosts_file_has_them(own: Path, tmp_path: Path) -> None:
    put(own, f"192.0.2.200 {ADS}\n")
    async with home(tmp_path, entry(own, action="as-listed")) as it:
        assert await it.address(ADS) == [bytes([192, 0, 2, 200])]


@trio_test_real
async def test_lists_that_cannot_be_compiled_leave_those_before(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise ChildFailed("it was killed")

    async with home(tmp_path, entry(own)) as it:
        keeper = it.daemon.lists.keeper
        monkeypatch.setattr(list_keeper, "ask_child", fails)
        await changed(it, own, OTHER)
        assert await it.address(ADS) == [NOBODY]
        assert "those before stay: it was killed" in caplog.text
        assert list(keeper.troubles.values()) == ["not compiled: it was killed"]
        await keeper.look()
        assert caplog.text.count("it was killed") == 1  # told once, not at every look
        monkeypatch.undo()
        await keeper.look()
        assert keeper.troubles == {}
        assert await it.address(WWW) == [NOBODY]
        assert not any(name.startswith(".") for name in files_in(tmp_path))  # no drafts are left


@pytest.mark.reaches("LIST_COMPILE_SECONDS")
@trio_test_real
async def test_a_process_that_hangs_is_stopped(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with home(tmp_path, entry(own)) as it:
        set_limit(monkeypatch, list_keeper, "LIST_COMPILE_SECONDS", 0)
        await changed(it, own, OTHER)
        assert await it.address(ADS) == [NOBODY]
    assert "it took too long" in caplog.text


HUNGRY = """
from pathlib import Path
from resolver.daemon import list_compiling
size = int(Path("/proc/self/status").read_text().partition("VmSize:")[2].split()[0]) << 10
list_compiling.LIST_MEMORY_OCTETS = size + (20 << 20)
list_compiling.main()
"""


@pytest.mark.reaches("LIST_MEMORY_OCTETS")
def test_a_process_that_wants_too_much_memory_says_so(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("".join(f"n{number}.example\n" for number in range(300_000)))
    with path.open("rb") as text, (tmp_path / "out").open("wb+") as out:
        part = ListPart("a", "a", False, "auto", False, text.fileno(), -1, ("", ""))  # noqa: FBT003
        job = CompileJob([part], out.fileno(), os.getpid(), 0)
        done = subprocess.run(
            [sys.executable, "-c", HUNGRY], input=msgspec.json.encode(job), check=True,
            capture_output=True, pass_fds=(text.fileno(), out.fileno()),
            env={**os.environ, "MALLOC_ARENA_MAX": "1"},
        )  # fmt: skip
    assert "memory" in msgspec.json.decode(done.stdout, type=Compiled).trouble


@pytest.mark.reaches("LIST_OCTETS")
@trio_test_real
async def test_a_file_that_is_too_large_is_none(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert LIST_OCTETS == 64 << 20
    async with home(tmp_path, entry(own)) as it:
        set_limit(monkeypatch, list_texts, "LIST_OCTETS", 100)
        await changed(it, own, "a.example\n" * 11)
        assert await it.address(ADS) == [NOBODY]
    assert "more than 100 octets" in caplog.text


@pytest.mark.reaches("LIST_START_SECONDS")
@trio_test_real
async def test_a_start_waits_for_lists_but_not_for_long(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(monkeypatch, list_keeper, "LIST_START_SECONDS", 0)
    async with home(tmp_path, entry(own)) as it:
        assert await it.address(ADS) == [REAL]
        await it.daemon.lists.keeper.look()
        assert await it.address(ADS) == [NOBODY]


@pytest.mark.reaches("LIST_LOOK_SECONDS")
@trio_test_real
async def test_files_are_looked_at_again_and_again(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(monkeypatch, list_keeper, "LIST_LOOK_SECONDS", 0.05)
    async with home(tmp_path, entry(own)) as it:
        put(own, OTHER)
        await it.until_told(WWW, NOBODY)


@trio_test_real
async def test_a_name_is_rewritten_to_another_which_is_resolved(own: Path, tmp_path: Path) -> None:
    put(own, "||www.example.com^$dnsrewrite=mail.example.com\n")
    async with home(tmp_path, entry(own)) as it:
        assert await it.address(WWW) == [REAL]


@trio_test_real
async def test_a_list_with_a_tag_is_for_a_view_that_has_it(own: Path, tmp_path: Path) -> None:
    async with home(tmp_path, entry(own, tags=("kids",))) as it:
        kids = View(name="kids", clients=("127.0.0.0/8",), tags=("kids",), answer="allow")
        await reload(it.daemon, replace(it.config, view=(kids,)))
        assert await it.address(ADS) == [NOBODY]
        others = View(name="others", clients=("127.0.0.0/8",), tags=("teens",), answer="allow")
        await reload(it.daemon, replace(it.config, view=(others,)))
        assert await it.address(ADS) == [REAL]


@trio_test_real
async def test_a_list_with_a_tag_is_not_for_all(own: Path, tmp_path: Path) -> None:
    async with home(tmp_path, entry(own, tags=("kids",))) as it:
        assert await it.address(ADS) == [REAL]
        await reload(it.daemon, replace(it.config, block=(entry(own),)))
        assert await it.address(ADS) == [NOBODY]


def test_known_untrusted() -> None:
    for octets in (b"", b"{", b"[]", b'{"a": 1}', b"\xff", b'{"a": {"stamp": [1]}}'):
        with pytest.raises(WireError):
            list_texts.known_untrusted(octets)


def test_mapped_untrusted(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for octets in (b"", b"x" * 300):
        path.write_bytes(octets)
        descriptor = os.open(path, os.O_RDONLY)
        for is_shared in (False, True):
            with pytest.raises(WireError):
                list_mapping.mapped_untrusted(descriptor, is_shared=is_shared)
        os.close(descriptor)
