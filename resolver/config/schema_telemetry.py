"""The keys of `[log]`, `[metrics]`, `[health]`, `[dnstap]` and `[otel]`: what is told, and to whom.

A part of `schema`, which has the whole file.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from resolver import limits
from resolver.config.schema_zones import REOPENS, Section


class Log(Section, frozen=True, kw_only=True):
    destination: Annotated[str, Meta(description='"stderr" or the path of a file'), REOPENS] = (
        "stderr"
    )
    level: Annotated[
        Literal["error", "warning", "info", "debug"], Meta(description="how much is told"), REOPENS
    ] = "warning"
    queries: Annotated[
        Literal["off", "failures", "all"] | bool,
        Meta(
            description="the query log in working_directory, a line for each query, or for each "
            "that failed: names are personal data"
        ),
    ] = "off"
    clients: Annotated[
        Literal["no", "prefix", "hash", "full"],
        Meta(
            description='who asked, in the query log: "prefix" is the network (/24, /56), "hash" '
            "tells clients of one day apart"
        ),
    ] = "no"
    keep: Annotated[
        int,
        Meta(
            ge=limits.QUERY_LOG_DAYS_RANGE[0],
            le=limits.QUERY_LOG_DAYS_RANGE[1],
            description="days for which the query log is kept",
        ),
    ] = limits.QUERY_LOG_DAYS
    size_octets: Annotated[
        int,
        Meta(
            ge=limits.QUERY_LOG_OCTETS_RANGE[0],
            le=limits.QUERY_LOG_OCTETS_RANGE[1],
            description="octets that the query log may take; the oldest goes first",
        ),
    ] = limits.QUERY_LOG_OCTETS

    @property
    def kept(self) -> str:
        """`queries` as it is spelled today."""
        if isinstance(self.queries, bool):
            return "all" if self.queries else "off"
        return self.queries


class Metrics(Section, frozen=True, kw_only=True):
    listen: Annotated[
        str, Meta(description='HTTP address for Prometheus, "127.0.0.1:9153"; "" is off'), REOPENS
    ] = ""


class Health(Section, frozen=True, kw_only=True):
    listen: Annotated[
        str,
        Meta(
            description="HTTP address where load balancers and route speakers ask whether to send "
            'traffic here, "127.0.0.1:8054": /health answers 200 or 503; "" is off'
        ),
        REOPENS,
    ] = ""
    on_outage: Annotated[
        Literal["withdraw", "stay"],
        Meta(
            description='while no server can be reached: "withdraw" has traffic sent elsewhere, '
            '"stay" goes on with what is in the cache, for a machine that is alone'
        ),
    ] = "withdraw"


class Dnstap(Section, frozen=True, kw_only=True):
    to: Annotated[
        str,
        Meta(
            description='where dnstap messages go: "unix:/PATH", "tcp:ADDRESS:PORT" or the path of '
            'a file; "" is off'
        ),
        REOPENS,
    ] = ""
    messages: Annotated[
        tuple[Literal["client", "resolver"], ...],
        Meta(
            description='which: "client", what clients ask and are told; "resolver", what servers '
            "and forwarders are asked and tell"
        ),
        REOPENS,
    ] = ("client", "resolver")
    client_addresses: Annotated[
        bool,
        Meta(description="whole addresses and ports of clients, not only networks (/24, /56)"),
        REOPENS,
    ] = False


class Otel(Section, frozen=True, kw_only=True):
    endpoint: Annotated[
        str,
        Meta(
            description="collector of OpenTelemetry to tell of resolutions, by OTLP over HTTP: "
            '"http://127.0.0.1:4318"; "" is off'
        ),
        REOPENS,
    ] = ""
    sample: Annotated[
        float,
        Meta(
            ge=0.0,
            le=1.0,
            description="share of the resolutions that are told; what fails or takes over a second "
            "always is",
        ),
        REOPENS,
    ] = 0.001
