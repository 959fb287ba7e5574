"""Resolutions as OpenTelemetry's spans: one for the client's query, a child for each step.

By the official SDK (extra `otel`), which sends them by OTLP over HTTP from a thread of its own.
Names of attributes are those of the semantic conventions where they have one. The names that are
asked for are in them; clients are not. Imported only where `otel.endpoint` wants it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

from resolver import __version__
from resolver.limits import OTEL_SEND_SECONDS, OTEL_WAITING
from resolver.protocol import names
from resolver.protocol.codes import rcode_text, type_text
from resolver.telemetry.events import Asked
from resolver.telemetry.query_lines import is_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan

    from resolver.model import Question
    from resolver.telemetry.events import Resolved, Step, Unanswered

_PATH: Final = "/v1/traces"
_NS: Final = 1_000_000_000


class _Exporter(OTLPSpanExporter):
    """Says how many spans the collector took, or did not."""

    def __init__(self, endpoint: str, note: Callable[[int, bool], None]) -> None:
        super().__init__(endpoint, timeout=OTEL_SEND_SECONDS)
        self._note = note

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = super().export(spans)
        self._note(len(spans), result is SpanExportResult.SUCCESS)
        return result


class Sender:
    """Sends spans to the collector at *endpoint*.

    *note* is called, by the thread that sends, with how many it took, and whether it did.
    """

    def __init__(self, endpoint: str, note: Callable[[int, bool], None]) -> None:
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # *note* is told
        said = {"service.name": "resolver", "service.version": __version__}
        self._provider = TracerProvider(resource=Resource(said), shutdown_on_exit=False)
        exporter = _Exporter(endpoint.rstrip("/") + _PATH, note)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=OTEL_WAITING))
        self._tracer = self._provider.get_tracer("resolver", __version__)

    def __repr__(self) -> str:
        return "<Sender of spans>"

    def tell(self, event: Resolved, now_ns: int) -> None:
        """Have *event*, which ended at Unix nanoseconds *now_ns*, sent. Never waits."""
        answered = event.answered
        attributes = {
            **_asked(answered.question),
            "dns.rcode": rcode_text(answered.rcode) if answered.rcode is not None else "",
            "dns.from": answered.source.value,
            "dns.view": answered.view,
            "network.transport": answered.client.transport.value,
        }
        if answered.ede:
            attributes["dns.ede"] = [code for code, _ in answered.ede]
        began_ns = now_ns - int(answered.elapsed_s * _NS)
        span = self._tracer.start_span(
            "resolve", kind=SpanKind.SERVER, attributes=attributes, start_time=began_ns
        )
        if is_failure(answered):
            reasons = "; ".join(text for _, text in answered.ede if text)
            span.set_status(Status(StatusCode.ERROR, reasons))
        within = set_span_in_context(span)
        for step in event.steps:
            self._tell_step(step, within, now_ns - int((event.ended - step.began) * _NS))
        span.end(now_ns)

    def _tell_step(self, step: Step, within: Context, began_ns: int) -> None:
        outcome = step.outcome
        attributes = {**_asked(outcome.question), "dns.zone": names.to_text(outcome.zone)}
        if isinstance(outcome, Asked):
            attributes |= {
                "server.address": outcome.server.host,
                "server.port": outcome.server.port,
                "network.transport": outcome.transport.value,
                "dns.rtt_ms": round(1000 * outcome.rtt_s, 3),
                "dns.verdict": outcome.verdict,
            }
        span = self._tracer.start_span(
            "ask", context=within, kind=SpanKind.CLIENT, attributes=attributes, start_time=began_ns
        )
        if not isinstance(outcome, Asked):
            span.set_status(Status(StatusCode.ERROR, _reasons(outcome)))
        span.end(began_ns + int(step.took_s * _NS))

    def close(self) -> None:
        """Send what waits, and end the thread. Waits: to be called from another thread."""
        self._provider.shutdown()


def _asked(question: Question | None) -> dict[str, Any]:
    if question is None:
        return {}
    return {
        "dns.question.name": names.to_text(question.qname),
        "dns.question.type": type_text(question.qtype),
    }


def _reasons(outcome: Unanswered) -> str:
    return "; ".join(text for _, text in outcome.ede if text) or "no usable reply"
