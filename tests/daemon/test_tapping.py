"""dnstap of a running daemon: to receivers that others wrote, over sockets that come and go."""

from __future__ import annotations

import shutil
import socket
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import dnstap_pb
import fstrm
import pytest
import trio
from msgspec.structs import replace

from resolver.config.schema import Config, Dnstap, Server
from resolver.config.tap_target import TapTarget
from resolver.daemon import tap_sinks
from resolver.daemon.reload import reload
from resolver.daemon.tap_sinks import opened
from resolver.daemon.tapping import Tapping
from resolver.limits import (
    DNSTAP_FILE_OCTETS,
    DNSTAP_SECONDS,
)
from resolver.protocol.ip_addresses import address_octets
from resolver.protocol.transport import Transport
from resolver.runtime.clock import SystemClock
from resolver.telemetry.events import Answered, Bus, Recalled
from resolver.telemetry.frame_stream import READY, START, STOP
from resolver.upstream.server_events import Crossed
from tests.asking import octets
from tests.daemon.reloading import ask, free_port, served
from tests.making import question
from tests.support import set_limit, trio_test, trio_test_real
from tests.telemetry.test_dnstap import frames

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


WWW = question("www.example.net. A")
HIT = Recalled(octets(WWW), octets(WWW), b"\x7f\0\0\1", Transport.UDP, "127.0.0.1", "default")
PATIENCE_S = 20
_TOOLS = ("fstrm_capture", "dnstap-ldns")
needs_tools = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in _TOOLS),
    reason="not installed: fstrm_capture, dnstap-ldns",
)


def to(config: Config, where: str, **more: Any) -> Config:
    return replace(config, dnstap=Dnstap(to=where, **more))


async def until(is_so: Any) -> None:
    with trio.fail_after(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110  # a thread's work, or another process's
            await trio.sleep(0.01)


@contextmanager
def capturing(where: str, file: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The reference receiver, writing what it hears on *where* to *file*."""
    kind, _, rest = where.partition(":")
    listen = ["-u", rest]
    if kind == "tcp":
        host, port = rest.rsplit(":", 1)
        listen = ["-a", host, "-p", port]
    command = ["fstrm_capture", "-t", "protobuf:dnstap.Dnstap", *listen, "-w", str(file)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            process.wait(PATIENCE_S)


def read(file: Path) -> str:
    """What the reference reader makes of *file*, a line a message."""
    done = subprocess.run(
        ["dnstap-ldns", "-r", str(file), "-q"], capture_output=True, text=True, check=True
    )
    return done.stdout


def messages_of(file: Path) -> list[Any]:
    """What the library makes of it."""
    return frames(file.read_bytes().removeprefix(START).removesuffix(STOP))


@needs_tools
@pytest.mark.parametrize("kind", ["unix", "tcp"])
@trio_test_real
async def test_the_reference_receiver_and_reader_understand_us(tmp_path: Path, kind: str) -> None:
    where = f"unix:{tmp_path}/tap" if kind == "unix" else f"tcp:127.0.0.1:{free_port()}"
    file = tmp_path / "messages"
    async with served() as home:
        with capturing(where, file):
            await reload(home.daemon, to(home.config, where))
            tapped = home.daemon.tapping
            await until(lambda: tapped.is_connected)
            for _ in range(3):
                await ask(home.port, "www.example.com.")
            await until(lambda: not tapped.tap._waiting)
            await trio.sleep(3 * DNSTAP_SECONDS)
            sent = tapped.tap.messages
            await reload(home.daemon, home.config)
            await until(lambda: not tapped.is_connected)
            await trio.sleep(0.2)
    lines = read(file).splitlines()
    assert len(lines) == sent
    said = "\n".join(lines)
    for kind_of in (" CQ ", " CR ", " RQ ", " RR "):
        assert kind_of in said
    assert '"www.example.com." IN A' in said
    assert " 127.0.0.0 " in said  # the network, not the client


@needs_tools
@trio_test_real
async def test_instances_reach_the_reference_receiver_in_its_file(tmp_path: Path) -> None:
    """The reference reader shows no `extra`, and is not put off by it; the library shows it."""
    where, file = f"unix:{tmp_path}/tap", tmp_path / "messages"
    async with served() as home:
        with capturing(where, file):
            await reload(home.daemon, to(home.config, where, messages=("resolver",)))
            tapped = home.daemon.tapping
            await until(lambda: tapped.is_connected)
            infra = home.daemon.parts.infra
            for number in range(4):
                await ask(home.port, f"n{number}.example.com.")
            known = {
                address_octets(key[0]): state.watch.instances.current.text.encode()
                for key, state in infra.states.items()
                if state.watch.instances is not None
            }
            await until(lambda: not tapped.tap._waiting)
            await trio.sleep(3 * DNSTAP_SECONDS)
            await reload(home.daemon, home.config)
            await until(lambda: not tapped.is_connected)
            await trio.sleep(0.2)
    found = [
        message
        for message in messages_of(file)
        if message.message.type == dnstap_pb.Message.RESOLVER_RESPONSE
    ]
    assert known
    assert len(read(file).splitlines()) == len(messages_of(file))
    told = {one.message.response_address: one.extra for one in found if one.HasField("extra")}
    assert told == known


@needs_tools
@trio_test_real
async def test_a_file_can_be_read_by_the_reference_reader(tmp_path: Path) -> None:
    file = tmp_path / "messages"
    async with served() as home:
        await reload(home.daemon, to(home.config, str(file), messages=("client",)))
        tapped = home.daemon.tapping
        await until(lambda: tapped.is_connected)
        assert set(home.daemon.parts.bus.heard) == {Answered, Recalled}
        await ask(home.port, "www.example.com.")
        await until(lambda: tapped.tap.messages == 2)
        await reload(home.daemon, home.config)
        await until(lambda: not tapped.is_connected)
        assert not home.daemon.parts.bus.heard
    await trio.sleep(0.2)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_bytes().endswith(STOP)
    assert [line.split()[2] for line in read(file).splitlines()] == ["CQ", "CR"]


class Receiver:
    """A receiver of our own, on a Unix socket: takes what it is *told* to."""

    def __init__(self, path: str, *, says: bytes | None = None) -> None:
        codec = fstrm.FstrmCodec()
        accepts = codec.encode(fstrm.FSTRM_CONTROL_ACCEPT, ct=[b"protobuf:dnstap.Dnstap"])
        self.says = accepts if says is None else says
        self.path = path
        self.heard = b""
        self.came = 0
        self.reads = True

    async def serve(self, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        with suppress(FileNotFoundError):
            await trio.Path(self.path).unlink()
        sock = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        await sock.bind(self.path)
        sock.listen()
        with sock:
            task_status.started()
            while True:
                peer, _ = await sock.accept()
                self.came += 1
                with peer, suppress(ConnectionResetError):
                    await self._hear(peer)

    async def _hear(self, peer: trio.socket.SocketType) -> None:
        assert await peer.recv(len(READY)) == READY
        await peer.send(self.says)
        while self.reads:
            data = await peer.recv(65_536)
            if not data:
                return
            self.heard += data
        await trio.sleep_forever()

    @property
    def messages(self) -> list[Any]:
        assert self.heard.startswith(START)
        return frames(self.heard.removeprefix(START).removesuffix(STOP))


def tapped(nursery: trio.Nursery, where: str) -> tuple[Tapping, Bus]:
    bus = Bus()
    made = Tapping(bus, SystemClock(), nursery, worker=0)
    made.go_by(Config(dnstap=Dnstap(to=where), server=Server(identity="here")))
    return made, bus


@pytest.mark.reaches("DNSTAP_SECONDS")
@trio_test
async def test_messages_are_gathered_for_a_moment() -> None:
    sent: list[bytes] = []

    class Sink:
        async def send(self, octets: bytes) -> None:
            sent.append(octets)

    async with trio.open_nursery() as nursery:
        made = Tapping(Bus(), SystemClock(), nursery, worker=0)
        made.go_by(Config(dnstap=Dnstap(to="unix:/nobody")))
        nursery.start_soon(made._send, Sink())
        for _ in range(5):
            made.tap.hear_hit(HIT)
        await trio.sleep(0.9 * DNSTAP_SECONDS)
        assert sent == []
        await trio.sleep(0.2 * DNSTAP_SECONDS)
        assert len(frames(*sent)) == 10
        nursery.cancel_scope.cancel()


@pytest.mark.reaches("DNSTAP_FILE_OCTETS")
def test_a_file_that_is_full_makes_room_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(monkeypatch, tap_sinks, "DNSTAP_FILE_OCTETS", DNSTAP_FILE_OCTETS)
    monkeypatch.setattr(tap_sinks, "DNSTAP_FILE_OCTETS", 1000)

    async def fill() -> None:
        async with opened(TapTarget(file=f"{tmp_path}/messages"), 3) as sink:
            for _ in range(7):
                await sink.send(bytes(300))

    trio.run(fill)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["messages.3", "messages.3.old"]
    for path in tmp_path.iterdir():
        assert path.read_bytes().startswith(START)
        assert path.read_bytes().endswith(STOP)
        assert path.stat().st_size <= 1000 + len(STOP)


@trio_test_real
async def test_a_device_is_never_moved_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap_sinks, "DNSTAP_FILE_OCTETS", 10)
    monkeypatch.setattr(tap_sinks, "Path", None)  # would move it
    async with opened(TapTarget(file="/dev/null"), 0) as sink:
        for _ in range(3):
            await sink.send(bytes(300))


@trio_test_real
async def test_a_file_that_cannot_be_had_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with trio.open_nursery() as nursery:
        made, _ = tapped(nursery, f"{tmp_path}/none/messages")
        await until(lambda: caplog.records)
        nursery.cancel_scope.cancel()
    assert "none/messages: No such file or directory" in caplog.text
    assert not made.is_connected


@trio_test_real
async def test_what_stays_the_same_at_a_reload_goes_on(tmp_path: Path) -> None:
    async with served() as home, trio.open_nursery() as nursery:
        receiver = Receiver(f"{tmp_path}/tap")
        await nursery.start(receiver.serve)
        wanted = to(home.config, f"unix:{tmp_path}/tap", client_addresses=True)
        for _ in range(3):
            await reload(home.daemon, wanted)
        await until(lambda: home.daemon.tapping.is_connected)
        assert receiver.came == 1
        assert set(home.daemon.parts.bus.heard) == {Answered, Recalled, Crossed}
        await ask(home.port, "www.example.com.")
        await until(lambda: receiver.heard.count(b"\3www") > 1)
        clients = [each.message for each in receiver.messages if each.message.type in (5, 6)]
        assert {message.query_address for message in clients} == {b"\x7f\0\0\1"}
        nursery.cancel_scope.cancel()


@trio_test_real
async def test_a_receiver_that_is_gone_costs_clients_no_time(tmp_path: Path) -> None:
    """They are answered; what waits is bounded, and counted where it is lost."""
    async with served() as home:
        await reload(home.daemon, to(home.config, f"unix:{tmp_path}/nobody"))
        for _ in range(200):
            await ask(home.port, "www.example.com.")
        assert home.daemon.tapping.tap.messages == 0
        assert not home.daemon.tapping.is_connected
