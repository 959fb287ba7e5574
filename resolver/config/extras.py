"""What some features need beside what is always there, and what to type where it is missing."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Final

_NEEDS: Final = {
    "cli": ("rich",),
    "https": ("h2",),
    "quic": ("aioquic",),
    "lists": ("httpx2",),
    "dnstap": ("dnstap_pb",),
    "network": ("jeepney",),
    "web": ("starlette", "hypercorn"),
    "valkey": ("coredis",),
    "otel": ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"),
}
_PACKAGES: Final = {
    "dnstap_pb": "dnstap-pb",
    "opentelemetry.sdk": "opentelemetry-sdk",
    "opentelemetry.exporter.otlp.proto.http": "opentelemetry-exporter-otlp-proto-http",
}  # called otherwise than their module


def extra_missing(extra: str) -> str:
    """What has to be installed for *extra*, the scheme of a URL as a rule; "" if nothing is."""
    names = [name for name in _NEEDS.get(extra, ()) if not _is_there(name)]
    missing = [_PACKAGES.get(name, name) for name in names]
    if not missing:
        return ""
    return f'{", ".join(missing)}, which is not installed: pip install "resolver[{extra}]"'


@cache
def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # not even what it would be in
        return False
