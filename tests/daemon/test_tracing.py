"""OpenTelemetry of a running daemon: a stand-in for a collector decodes what is sent."""

from __future__ import annotations

import gzip
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
import trio
from msgspec.structs import replace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.proto.trace.v1.trace_pb2 import Status as SpanStatus

from resolver.config.load import loads
from resolver.config.schema_telemetry import Otel
from resolver.daemon.reload import reload
from resolver.daemon.tracing import Tracing
from resolver.errors import ConfigError
from resolver.lab.faults import Path
from resolver.limits import OTEL_SEND_SECONDS, OTEL_STEPS, OTEL_WAITING
from resolver.protocol import names
from resolver.runtime.clock import SystemClock
from resolver.telemetry import otel
from resolver.telemetry.events import Bus, Resolved
from tests.asking import octets, replied
from tests.daemon.reloading import ask, free_port, served
from tests.making import question
from tests.recurse.household import house, slow_village, village
from tests.support import trio_test, trio_test_real
from tests.telemetry.test_traces import resolved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.recurse.household import House


class Collector(HTTPServer):
    """Takes spans, and decodes them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.spans: list[Any] = []
        self.resources: list[dict[str, Any]] = []
        self.paths: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        for found in request.resource_spans:
            self.resources.append(attributes(found.resource))
            for scope in found.scope_spans:
                self.spans += scope.spans


class _Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:  # http.server's name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.paths.append(self.path)
        self.server.take(body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


def attributes(of: Any) -> dict[str, Any]:
    found = {}
    for each in of.attributes:
        kind = each.value.WhichOneof("value")
        value = getattr(each.value, kind)
        if kind == "array_value":
            value = [one.int_value for one in value.values]
        found[each.key] = value
    return found


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()
    thread = threading.Thread(target=collector.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        collector.shutdown()
        collector.server_close()
        thread.join()


class Sending:
    """Tells a collector of what happens in *home*."""

    def __init__(self, home: House, collector: Collector) -> None:
        self.sender = otel.Sender(collector.url, lambda *_: None)
        wall = home.parts.clock.wall
        home.parts.bus.subscribe(self._tell, Resolved)
        self._wall = wall

    def _tell(self, event: object) -> None:
        assert isinstance(event, Resolved)
        self.sender.tell(event, int(self._wall() * 1e9))


@trio_test
async def test_a_resolution_is_a_span_with_a_child_for_each_question() -> None:
    with collecting() as collector:
        async with house(slow_village()) as home:
            sending = Sending(home, collector)
            began_ns = int(home.parts.clock.wall() * 1e9)
            await replied(home, octets(question("www.example.net. A")))
        sending.sender.close()
    assert collector.paths == ["/v1/traces"]
    assert collector.resources[0]["service.name"] == "resolver"
    (root,) = [span for span in collector.spans if not span.parent_span_id]
    assert (root.name, root.kind) == ("resolve", Span.SPAN_KIND_SERVER)
    assert root.start_time_unix_nano == pytest.approx(began_ns, abs=1e6)
    assert root.end_time_unix_nano - root.start_time_unix_nano == pytest.approx(2e9, rel=0.01)
    said = attributes(root)
    assert said["dns.question.name"] == "www.example.net."
    assert (said["dns.rcode"], said["dns.from"]) == ("NOERROR", "network")
    assert "127.0.0.1" not in str(said)
    children = [span for span in collector.spans if span.parent_span_id]
    children.sort(key=lambda span: span.start_time_unix_nano)
    assert {span.parent_span_id for span in children} == {root.span_id}
    assert {span.trace_id for span in collector.spans} == {root.trace_id}
    zones = [attributes(span)["dns.zone"] for span in children]
    assert zones == [".", "net.", "example.net."]
    last = children[-1]
    assert attributes(last)["server.address"].startswith("192.0.2.2")
    assert attributes(last)["dns.verdict"] == "answer"
    assert root.start_time_unix_nano <= last.start_time_unix_nano <= last.end_time_unix_nano
    assert last.end_time_unix_nano <= root.end_time_unix_nano + 1000


@trio_test
async def test_a_failure_says_why() -> None:
    world = village()
    for host in ("192.0.2.20", "192.0.2.21"):
        world.faults.set(host, Path(dead=True))
    with collecting() as collector:
        async with house(world) as home:
            sending = Sending(home, collector)
            await replied(home, octets(question("www.example.net. A")))
        sending.sender.close()
    (root,) = [span for span in collector.spans if not span.parent_span_id]
    assert root.status.code == SpanStatus.STATUS_CODE_ERROR
    assert "example.net." in root.status.message
    assert 22 in attributes(root)["dns.ede"]
    failed = [span for span in collector.spans if span.status.code == SpanStatus.STATUS_CODE_ERROR]
    assert len(failed) == 2  # the resolution, and the question to example.net's servers


@trio_test
async def test_steps_are_kept_only_for_who_wants_them() -> None:
    async with house(village()) as home:
        heard: list[object] = []
        home.parts.bus.subscribe(heard.append, Resolved)
        await replied(home, octets(question("www.example.net. A")))
        (event,) = heard
        assert isinstance(event, Resolved)
        assert len(event.steps) == 3
        home.parts.bus.unsubscribe(heard.append)
        await replied(home, octets(question("alias.example.net. A")))
        assert len(heard) == 1


@pytest.mark.reaches("OTEL_STEPS")
def test_so_many_steps_of_one_resolution() -> None:
    from resolver.iterate.observed import _step  # noqa: PLC0415
    from resolver.telemetry.events import Unanswered  # noqa: PLC0415

    steps: list[object] = []

    async def note() -> None:
        for _ in range(OTEL_STEPS + 3):
            _step(steps, 0.0, Unanswered(question("a. A"), names.ROOT, 0.0, ()))

    trio.run(note)
    assert len(steps) == OTEL_STEPS


@trio_test_real
async def test_a_daemon_tells_and_a_reload_begins_and_ends_it() -> None:
    with collecting() as collector:
        async with served() as home:
            assert Resolved not in home.daemon.parts.bus.heard
            wanted = replace(home.config, otel=Otel(endpoint=collector.url, sample=1.0))
            await reload(home.daemon, wanted)
            await ask(home.port, "www.example.com.")
            await ask(home.port, "www.example.com.")  # a hit, which is no resolution
            await reload(home.daemon, home.config)
            assert Resolved not in home.daemon.parts.bus.heard
            with trio.fail_after(20):
                while not home.daemon.tracing.traces.spans:  # noqa: ASYNC110  # a thread's
                    await trio.sleep(0.01)
        assert len([span for span in collector.spans if not span.parent_span_id]) == 1
        assert home.daemon.tracing.traces.spans == len(collector.spans)


@pytest.mark.reaches("OTEL_WAITING", "OTEL_SEND_SECONDS")
@trio_test_real
async def test_a_collector_that_is_gone_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, Any] = {}

    def noting(what: str) -> None:
        kind = getattr(otel, what)
        real = kind.__init__

        def init(self: Any, *given: Any, **more: Any) -> None:
            made.update(more)
            real(self, *given, **more)

        monkeypatch.setattr(kind, "__init__", init)

    noting("OTLPSpanExporter")
    noting("BatchSpanProcessor")
    bus = Bus()
    async with trio.open_nursery() as nursery:
        tracing = Tracing(bus, SystemClock(), Random(1), nursery)
        tracing.go_by(Otel(endpoint=f"http://127.0.0.1:{free_port()}", sample=1.0))
        bus.emit(resolved())
        await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
    assert made == {"timeout": OTEL_SEND_SECONDS, "max_queue_size": OTEL_WAITING}
    with trio.fail_after(3 * OTEL_SEND_SECONDS):
        while not tracing.traces.lost:  # noqa: ASYNC110  # a thread's
            await trio.sleep(0.05)


@trio_test_real
async def test_a_line_says_that_spans_are_lost_and_one_that_they_are_not(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[Any] = []

    class Silent:
        def __init__(self, _: str, note: Any) -> None:
            noted.append(note)

        def close(self) -> None:
            """Nothing waits."""

    monkeypatch.setattr(otel, "Sender", Silent)
    async with trio.open_nursery() as nursery:
        tracing = Tracing(Bus(), SystemClock(), Random(1), nursery)
        tracing.go_by(Otel(endpoint="http://c.example:4318", sample=1.0))
        for is_taken in (True, False, False, True):
            noted[0](3, is_taken)
        nursery.cancel_scope.cancel()
    assert [record.getMessage() for record in caplog.records] == [
        "no spans reach http://c.example:4318: its collector does not take them",
        "spans reach http://c.example:4318 again",
    ]
    assert (tracing.traces.spans, tracing.traces.lost) == (6, 6)


@pytest.mark.parametrize("text", ["127.0.0.1:4318", "ftp://127.0.0.1", "http://", "http://x:99999"])
def test_an_endpoint_is_a_url(text: str) -> None:
    with pytest.raises(ConfigError, match=r"otel\.endpoint"):
        loads(f"otel.endpoint = '{text}'")


def test_a_missing_extra_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.config.extras._is_there", lambda _: False)
    for key, value, extra in (
        ("otel.endpoint", "http://127.0.0.1:4318", "otel"), ("dnstap.to", "unix:/tap", "dnstap"),
    ):  # fmt: skip
        with pytest.raises(ConfigError) as raised:
            loads(f"{key} = '{value}'")
        assert f'pip install "resolver[{extra}]"' in str(raised.value)
