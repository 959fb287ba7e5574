"""Policy zones from BIND's `named` on loopback: transfers, signatures, NOTIFY, a cut line."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import dns.message
import dns.opcode
import dns.tsig
import pytest
import trio
from msgspec.structs import replace

from resolver.config.schema import Rpz
from resolver.daemon.reload import reload
from resolver.daemon.rpz_job import Job, Outcome, Primary
from resolver.daemon.rpz_mapping import fresh_file, mapped_untrusted
from resolver.daemon.rpz_work import work
from resolver.policy.rpz_triggers import trigger_of
from resolver.protocol import names
from resolver.protocol.codes import Rcode
from tests.daemon.reloading import ask, free_port, served
from tests.support import trio_test_real

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from resolver.policy.rpz_table import Table

NAMED = shutil.which("named", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
SECRET = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI="
KEY = ["hmac-sha256", "k", SECRET]
CONF = """options {{ directory "{path}"; listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  pid-file none; session-keyfile none; recursion no; dnssec-validation no; notify explicit;
  also-notify {{ 127.0.0.1 port {told} key k; }}; notify-delay 0; allow-transfer {{ key k; }}; }};
controls {{ }};
key "k" {{ algorithm hmac-sha256; secret "{secret}"; }};
zone "rpz.test" {{ type primary; file "rpz.zone"; allow-update {{ key k; }}; }};
"""
ZONE = "$TTL 300\n@ SOA ns. host. 1 3600 600 86400 60\n  NS ns.\nwww.example.com CNAME .\n"

pytestmark = pytest.mark.skipif(
    NAMED is None or shutil.which("nsupdate") is None, reason="not installed: named, nsupdate"
)


class Named(NamedTuple):
    port: int
    told: int  # the port that hears of changes

    def job(self, **keys: object) -> Job:
        primaries = [Primary("127.0.0.1", self.port)]
        given = {"primaries": primaries, "tsig": KEY, "out": fresh_file()}
        return Job(zone="rpz.test", file="", most=100_000, parent=1, **(given | keys))  # type: ignore[arg-type]

    async def update(self, *changes: str) -> None:
        lines = [f"server 127.0.0.1 {self.port}", "zone rpz.test", f"key hmac-sha256:k {SECRET}"]
        text = "\n".join([*lines, *(f"update {one}" for one in changes), "send\n"])
        await trio.run_process(["nsupdate"], stdin=text.encode())


@contextlib.asynccontextmanager
async def named(path: Path, zone: str = ZONE) -> AsyncIterator[Named]:
    port, told = free_port(), free_port()
    (path / "rpz.zone").write_text(zone)
    conf = CONF.format(path=path, port=port, told=told, secret=SECRET)
    (path / "named.conf").write_text(conf)
    with (path / "log").open("wb") as log, subprocess.Popen(  # noqa: ASYNC220
        [str(NAMED), "-g", "-c", str(path / "named.conf")],
        stdout=log, stderr=log,
    ) as process:  # fmt: skip
        try:
            with trio.fail_after(30):
                while b"all zones loaded" not in (path / "log").read_bytes():  # noqa: ASYNC110
                    await trio.sleep(0.1)
            yield Named(port, told)
        finally:
            process.terminate()


def table_of(outcome: Outcome, job: Job) -> tuple[str, int, set[str]]:
    assert outcome.troubles == []
    table: Table = mapped_untrusted(job.out)
    assert table.soa is not None
    triggers = {names.to_text(trigger_of(key)) for key, _ in table.rules_of()}
    return outcome.way, table.soa.serial, triggers


@trio_test_real
async def test_all_of_a_zone_then_what_is_new_of_it(*, tmp_path: Path) -> None:
    others = {f"host{number}." for number in range(50)}  # else all of it is less
    text = "".join(f"{one[:-1]} CNAME .\n" for one in others)
    async with named(tmp_path, ZONE + text) as primary:
        first = primary.job()
        assert table_of(await work(first), first) == ("axfr", 1, {"www.example.com.", *others})
        again = primary.job(held=first.out)
        assert (await work(again)).way == "same"
        await primary.update("add new.rpz.test 60 CNAME .", "delete www.example.com.rpz.test")
        second = primary.job(held=first.out)
        assert table_of(await work(second), second) == ("ixfr", 2, {"new.", *others})


@trio_test_real
async def test_what_is_not_signed_as_it_should_be_is_no_transfer(*, tmp_path: Path) -> None:
    async with named(tmp_path) as primary:
        wrong = primary.job(tsig=["hmac-sha256", "k", SECRET.lower()])
        assert (await work(wrong)).troubles == [
            "127.0.0.1: it finds our signature wrong (TSIG BADSIG)"
        ]
        none = primary.job(tsig=[])
        assert (await work(none)).troubles == ["127.0.0.1: it says REFUSED"]
        strange = primary.job(tsig=["hmac-sha256", "other", SECRET])
        assert (await work(strange)).troubles == [
            "127.0.0.1: it does not know our key (TSIG BADKEY)"
        ]


async def cutting(port: int, octets: int, stream: trio.SocketStream) -> None:
    """Hand on *octets* of what the server at *port* says, and hang up."""
    async with stream, await trio.open_tcp_stream("127.0.0.1", port) as server:
        await server.send_all(await stream.receive_some())
        left = octets
        while left > 0:
            found = (await server.receive_some())[:left]
            await stream.send_all(found)
            left -= len(found)


@trio_test_real
async def test_a_transfer_that_is_cut_is_thrown_away(*, tmp_path: Path) -> None:
    many = "".join(f"host{number}.example CNAME .\n" for number in range(20_000))
    async with named(tmp_path, ZONE + many) as primary, trio.open_nursery() as nursery:
        whole = primary.job()
        outcome = await work(whole)
        assert len(table_of(outcome, whole)[2]) == 20_001
        for share in (0.02, 0.5, 0.99):
            octets = int(outcome.octets * share)
            handler = partial(cutting, primary.port, octets)
            serve = partial(trio.serve_tcp, handler, 0, host="127.0.0.1")
            listeners = await nursery.start(serve)
            port = listeners[0].socket.getsockname()[1]
            cut = primary.job(primaries=[Primary("127.0.0.1", port)])
            assert (await work(cut)).troubles == ["127.0.0.1: the transfer was cut off"]
            assert os.fstat(cut.out).st_size == 0
        other = primary.job(
            primaries=[Primary("127.0.0.1", port), Primary("127.0.0.1", primary.port)]
        )
        assert (await work(other)).way == "axfr"  # the next one had it
        nursery.cancel_scope.cancel()


async def signed_notify(port: int) -> int:
    """Its answer, which is signed, too: dnspython looks."""
    key = dns.tsig.Key(KEY[1], SECRET, KEY[0])
    message = dns.message.make_query("rpz.test.", "SOA")
    message.set_opcode(dns.opcode.NOTIFY)
    message.use_tsig(key)
    octets = message.to_wire()
    with trio.fail_after(10), trio.socket.socket(type=trio.socket.SOCK_DGRAM) as sock:
        await sock.connect(("127.0.0.1", port))
        await sock.send(octets)
        reply = await sock.recv(4096)
    read = dns.message.from_wire(reply, keyring=key, request_mac=message.mac)
    assert read.had_tsig
    return read.rcode()


@trio_test_real
async def test_a_daemon_hears_that_its_zone_is_newer(*, tmp_path: Path) -> None:
    """NOTIFY to differences to another answer, within seconds."""
    async with named(tmp_path) as primary, served() as home:
        entry = Rpz(
            zone="rpz.test",
            primaries=(f"127.0.0.1:{primary.port}",),
            tsig=":".join(KEY),
        )
        listen = (f"127.0.0.1:{home.port}", f"127.0.0.1:{primary.told}")
        await reload(home.daemon, replace(home.listening(*listen), rpz=(entry,)))

        async def until(name: str, wanted: int) -> None:
            with trio.fail_after(90):
                while (await ask(home.port, name)).rcode != wanted:  # noqa: ASYNC110
                    await trio.sleep(0.3)

        await until("www.example.com.", Rcode.NXDOMAIN)
        await primary.update("add mail.example.com.rpz.test 60 CNAME .")
        await until("mail.example.com.", Rcode.NXDOMAIN)
        keeper = home.daemon.upkeep.rpz_keeper
        assert (keeper.incremental, keeper.rows()[0].serial) == (1, 2)
        assert keeper.notified
        assert await signed_notify(home.port) == Rcode.NOERROR
