"""Every key of the configuration file: its type, its default, and what it does in one sentence.

The defaults are a good configuration by themselves. Ranges come from `limits`; the descriptions are
what an error message quotes and what docs/configuration.md is printed from. A key stands for one
decision: a feature that does not exist yet has its key in `NOT_YET`, with the value that means off.

A change takes effect at a reload, unless the key says otherwise: `REOPENS` names sockets or files,
of which those that stay the same stay open; `RESTARTS` is what a process can only do as it starts.
"""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - msgspec reads the annotations
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from resolver import limits
from resolver.config.schema_dns64 import Dns64
from resolver.config.schema_encryption import Ddr, Https, Tls
from resolver.config.schema_geo import Geo
from resolver.config.schema_lists import Allow, Block, Policy
from resolver.config.schema_local import Local, LocalZone, Rewrite
from resolver.config.schema_machines import Valkey
from resolver.config.schema_network import Network
from resolver.config.schema_operate import Control
from resolver.config.schema_resolution import Resolution
from resolver.config.schema_rpz import Rpz
from resolver.config.schema_telemetry import Dnstap, Health, Log, Metrics, Otel
from resolver.config.schema_views import Schedule, View
from resolver.config.schema_web import Web
from resolver.config.schema_zones import REOPENS, RESTARTS, Forward, Section, Stub, Zone

__all__ = [
    "LOOPBACK",
    "NOT_YET",
    "PAYLOAD",
    "REOPENS",
    "RESTARTS",
    "Allow",
    "Block",
    "Cache",
    "Config",
    "Control",
    "Ddr",
    "Dns64",
    "Dnssec",
    "Dnstap",
    "Forward",
    "Health",
    "Https",
    "Local",
    "LocalZone",
    "Log",
    "Metrics",
    "NegativeAnchor",
    "Network",
    "Outgoing",
    "Policy",
    "Resolution",
    "Rewrite",
    "Root",
    "Rpz",
    "Schedule",
    "Section",
    "Server",
    "Stub",
    "Tls",
    "Valkey",
    "View",
    "Warm",
    "Zone",
]

Payload: TypeAlias = Annotated[
    int, Meta(ge=limits.UDP_PAYLOAD_RANGE[0], le=limits.UDP_PAYLOAD_RANGE[1])
]
Seconds: TypeAlias = Annotated[int, Meta(ge=0, le=limits.MAX_TTL_SECONDS_RANGE[1])]
PAYLOAD = limits.UDP_PAYLOAD
LOOPBACK = ("127.0.0.0/8", "::1")


class Server(Section, frozen=True, kw_only=True):
    listen: Annotated[
        tuple[str, ...],
        Meta(
            description='where to listen: "127.0.0.1:53" (UDP and TCP, udp+tcp://), '
            '"udp://[::1]:53", "tcp://...", "tls://192.0.2.1:853", '
            '"https://192.0.2.1:443/dns-query", "quic://192.0.2.1:853"'
        ),
        REOPENS,
    ] = ("127.0.0.1:53", "[::1]:53")
    freebind: Annotated[
        bool,
        Meta(description="listen on addresses that this machine does not have yet (Linux)"),
        REOPENS,
    ] = True
    allow_from: Annotated[
        tuple[str, ...],
        Meta(description='who may ask: networks such as "192.168.0.0/16" or "fd00::/8"'),
    ] = LOOPBACK
    udp_payload_size: Annotated[
        Payload, Meta(description="octets of the largest UDP reply to a client")
    ] = PAYLOAD
    minimal_responses: Annotated[
        bool, Meta(description="leave out of replies what was not asked for")
    ] = True
    rate_limit: Annotated[
        int | bool,
        Meta(
            description="tokens per second for one client address, and multiples of it for its "
            "networks: 1 a hit, 5 a miss, 10 one that fails; ten times as many over TCP or with a "
            "server cookie; 0 or false is off"
        ),
    ] = 0
    cookies: Annotated[bool, Meta(description="answer DNS cookies of clients (RFC 7873)")] = True
    cookie_secret: Annotated[
        str,
        Meta(
            description="32 hexadecimal digits that servers of one address share (RFC 9018 §5);"
            ' "" draws a secret of its own'
        ),
    ] = ""
    user: Annotated[
        str,
        Meta(
            description='account to run as once the ports are bound as root; "auto" is "resolver" '
            'where there is one, else "nobody", as whom no cache is kept; "" stays root'
        ),
        RESTARTS,
    ] = "auto"
    workers: Annotated[
        Annotated[int, Meta(ge=1, le=limits.WORKERS_RANGE[1])] | Literal["auto"],
        Meta(description='processes on the same port; "auto" is one per CPU'),
        RESTARTS,
    ] = limits.WORKERS
    version: Annotated[
        str, Meta(description='answer to version.bind and version.server; "" refuses')
    ] = ""
    identity: Annotated[
        str, Meta(description='answer to id.server and hostname.bind; "" refuses')
    ] = ""
    nsid: Annotated[
        str,
        Meta(
            description='answer to NSID (RFC 5001): text, or hexadecimal digits; "" takes identity'
        ),
    ] = ""


class Outgoing(Section, frozen=True, kw_only=True):
    source_addresses: Annotated[
        tuple[str, ...],
        Meta(description="addresses to ask from; empty lets the kernel choose"),
        REOPENS,
    ] = ()
    ipv4: Annotated[bool, Meta(description="ask servers over IPv4")] = True
    ipv6: Annotated[bool, Meta(description="ask servers over IPv6")] = True
    udp_payload_size: Annotated[
        Payload, Meta(description="octets of UDP reply that servers are offered (EDNS)")
    ] = PAYLOAD
    query_case_randomization: Annotated[
        bool, Meta(description="mix the case of the name asked for (0x20), against forgers")
    ] = True
    do_not_query_localhost: Annotated[
        bool, Meta(description="never ask at a loopback address that only the network names")
    ] = True
    deny_private_addresses: Annotated[
        bool, Meta(description="the same for private addresses (RFC 1918, RFC 4193)")
    ] = False
    speculation: Annotated[
        bool,
        Meta(description="ask ahead of need: races, hedges, probes, background address fetches"),
    ] = True
    nsid: Annotated[
        bool, Meta(description="ask servers now and then which of their instances answers (NSID)")
    ] = True
    opportunistic: Annotated[
        bool,
        Meta(
            description="ask servers of zones over TLS, unproven, where they are found to speak "
            "it (RFC 9539)"
        ),
    ] = False
    error_reporting: Annotated[
        bool,
        Meta(
            description="tell those owners of zones who ask for it what fails in their zones, and "
            "with it which names are asked for (RFC 9567)"
        ),
    ] = False
    nat64: Annotated[
        str,
        Meta(
            description="ask servers that have IPv4 addresses only through the network's NAT64: "
            'its prefix "64:ff9b::/96"; "auto" finds it (RFC 7050), and tries IPv4 itself first'
        ),
    ] = ""
    metered: Annotated[
        bool, Meta(description="the link costs by the octet: fetch nothing ahead of need")
    ] = False


class Warm(Section, frozen=True, kw_only=True):
    """A name whose records are renewed whether anybody asks or not."""

    name: Annotated[str, Meta(description="what must always be there: www.example.com")]
    types: Annotated[
        tuple[str, ...], Meta(description='types of its records, such as "A", "MX" or "TYPE65"')
    ] = ("A", "AAAA")


class Root(Section, frozen=True, kw_only=True):
    hints_file: Annotated[
        str, Meta(description='root hints in zone file form; "" takes the ones shipped')
    ] = ""
    prime: Annotated[
        bool, Meta(description="ask a hinted server for the true NS set of the root (RFC 9609)")
    ] = True
    local: Annotated[
        bool | Literal["auto"],
        Meta(
            description="answer for the root from a verified copy of its zone (RFC 8806), kept in "
            'working_directory; "auto": where it pays and there is memory for it'
        ),
    ] = "auto"
    sources: Annotated[
        tuple[str, ...],
        Meta(
            description="addresses to transfer the root zone from; empty takes those that offer it"
        ),
    ] = ()


class Cache(Section, frozen=True, kw_only=True):
    clock: Annotated[
        Literal["boottime", "realtime"],
        Meta(description='"boottime" counts TTLs through suspend; "realtime" is for tests'),
        RESTARTS,
    ] = "boottime"
    min_ttl: Annotated[Seconds, Meta(description="seconds to keep what has a shorter TTL")] = 0
    max_ttl: Annotated[Seconds, Meta(description="seconds to keep what has a longer TTL")] = (
        limits.MAX_TTL_SECONDS
    )
    min_negative_ttl: Annotated[
        Seconds,
        Meta(description="seconds to believe a denial that has a shorter TTL; 0 takes min_ttl"),
    ] = 0
    max_negative_ttl: Annotated[
        Seconds, Meta(description="seconds to believe that something does not exist (RFC 2308 §5)")
    ] = limits.MAX_NEGATIVE_TTL_SECONDS
    size_octets: Annotated[
        Annotated[
            int,
            Meta(ge=limits.RRSET_CACHE_OCTETS_RANGE[0], le=limits.RRSET_CACHE_OCTETS_RANGE[1]),
        ]
        | Literal["auto"],
        Meta(
            description="octets of cached records, per worker, ready replies and the other caches "
            'beside them; "auto": what memory leaves'
        ),
        RESTARTS,
    ] = "auto"
    stale_max: Annotated[
        int,
        Meta(
            ge=limits.STALE_MAX_SECONDS_RANGE[0],
            le=limits.STALE_MAX_SECONDS_RANGE[1],
            description="seconds for which expired data may still be told, as far as memory goes",
        ),
    ] = limits.STALE_MAX_SECONDS
    persist: Annotated[
        bool, Meta(description="keep the cache in working_directory over a restart"), RESTARTS
    ] = True
    disk_octets: Annotated[
        int,
        Meta(
            ge=limits.STORE_OCTETS_RANGE[0],
            le=limits.STORE_OCTETS_RANGE[1],
            description="octets that the cache may take on disk",
        ),
    ] = limits.STORE_OCTETS


class NegativeAnchor(Section, frozen=True, kw_only=True):
    name: Annotated[str, Meta(description="zone whose signatures are not looked at (RFC 7646)")]
    until: Annotated[
        Annotated[dt.datetime, Meta(tz=True)] | None,
        Meta(description="when validation comes back: 2030-01-31T12:00:00Z"),
    ] = None


class Dnssec(Section, frozen=True, kw_only=True):
    validate: Annotated[bool, Meta(description="refuse answers whose signatures are wrong")] = True
    trust_anchors_file: Annotated[
        str, Meta(description='DS or DNSKEY records to trust, at any name; "" adds none')
    ] = ""
    builtin_root_anchor: Annotated[
        bool, Meta(description="trust the root keys that the program ships")
    ] = True
    rfc5011: Annotated[
        bool, Meta(description="follow key rollovers of trust anchors, state in working_directory")
    ] = False
    trust_anchor_signaling: Annotated[
        bool, Meta(description="tell zone owners which anchors are in use (RFC 8145)")
    ] = False
    root_key_sentinel: Annotated[
        bool, Meta(description="let clients test which root keys are trusted (RFC 8509)")
    ] = True
    negative_trust_anchors: Annotated[
        tuple[str | NegativeAnchor, ...],
        Meta(description='zones not to validate: "example.com" or {name = ..., until = ...}'),
    ] = ()
    sha1: Annotated[
        bool, Meta(description="validate SHA-1 signatures; false calls them insecure (RFC 9905)")
    ] = False
    aggressive_nsec: Annotated[
        bool, Meta(description="deny from validated ranges without asking again (RFC 8198)")
    ] = True
    serve_expired_signatures: Annotated[
        bool,
        Meta(
            description="tell expired data without AD though its signatures have expired since; "
            "false fails"
        ),
    ] = True


class Config(Section, frozen=True, kw_only=True):
    """The whole file. `Config()` is what runs without one."""

    working_directory: Annotated[
        str,
        Meta(description='where state is kept and relative paths begin; "" keeps none'),
        RESTARTS,
    ] = ""
    memory: Annotated[
        Annotated[int, Meta(ge=limits.MEMORY_OCTETS_RANGE[0], le=limits.MEMORY_OCTETS_RANGE[1])]
        | Literal["auto"],
        Meta(
            description="octets that all workers may take together, with what they remember, their "
            'clients and lists; "auto": a quarter of what the machine or its cgroup has'
        ),
        RESTARTS,
    ] = "auto"
    server: Server = Server()
    tls: Tls = Tls()
    https: Https = Https()
    ddr: Ddr = Ddr()
    outgoing: Outgoing = Outgoing()
    root: Root = Root()
    forward: tuple[Forward, ...] = ()
    stub: tuple[Stub, ...] = ()
    network: Network = Network()
    warm: tuple[Warm, ...] = ()
    view: tuple[View, ...] = ()
    schedule: tuple[Schedule, ...] = ()
    local: Local = Local()
    rewrite: tuple[Rewrite, ...] = ()
    rpz: tuple[Rpz, ...] = ()
    resolution: Resolution = Resolution()
    cache: Cache = Cache()
    valkey: Valkey = Valkey()
    policy: Policy = Policy()
    block: tuple[Block, ...] = ()
    allow: tuple[Allow, ...] = ()
    dnssec: Dnssec = Dnssec()
    dns64: Dns64 = Dns64()
    geo: Geo = Geo()
    log: Log = Log()
    metrics: Metrics = Metrics()
    health: Health = Health()
    control: Control = Control()
    web: Web = Web()
    dnstap: Dnstap = Dnstap()
    otel: Otel = Otel()


# Key → the values that say what this version does anyway. The row goes away with the feature.
NOT_YET: dict[str, tuple[object, ...]] = {
    "server.minimal_responses": (True,),
    "dnssec.trust_anchor_signaling": (False,),
}
