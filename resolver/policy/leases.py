"""Lease files of DHCP servers → who has which address, until when.

dnsmasq's (`expiry MAC address name client`, one a line, IPv6 behind a line `duid …`); Kea's memfile
(CSV with a head, a journal whose later lines replace earlier ones); Kea's `lease4-get-all` and
`lease6-get-all` as JSON. Which one it is shows in its first octets.
"""

from __future__ import annotations

import csv
import io
import json
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.policy.hosts import BadLines

_FOREVER: Final = float("inf")
_ASSIGNED: Final = "0"
_DNSMASQ_FIELDS: Final = 4


class Lease(NamedTuple):
    """*host* is what the client calls itself; *until*: Unix seconds."""

    address: bytes
    host: str
    until: float


def read_leases_untrusted(octets: bytes, bad: BadLines) -> list[Lease]:
    """The leases in a file, those without a name left out. Never raises."""
    text = octets.decode("utf-8-sig", "replace")
    start = text.lstrip()[:8]
    if start.startswith(("{", "[")):
        found = _kea_json(text, bad)
    elif start.startswith("address,"):
        found = _kea_csv(text, bad)
    else:
        found = _dnsmasq(text, bad)
    return [lease for lease in found if lease.host]


def _dnsmasq(text: str, bad: BadLines) -> Iterator[Lease]:
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        if not fields or fields[0] == "duid":
            continue
        try:
            if len(fields) < _DNSMASQ_FIELDS:
                raise ValueError("time, hardware address, address and name")  # noqa: TRY301
            until = _seconds(fields[0]) or _FOREVER  # 0: an infinite lease
            host = "" if fields[3] == "*" else fields[3]
            yield Lease(_address(fields[2]), host, until)
        except ValueError as error:
            bad.note(number, line.encode(), str(error))


def _kea_csv(text: str, bad: BadLines) -> Iterator[Lease]:
    rows = csv.DictReader(io.StringIO(text, newline=""))
    found: dict[bytes, Lease] = {}
    while True:
        try:
            row = next(rows)
            if row.get("address") == "address":
                continue  # the head again, as a cleanup leaves it
            address = _address(row.get("address") or "")
            is_held = (row.get("state") or _ASSIGNED) == _ASSIGNED and row["valid_lifetime"] != "0"
            until = _seconds(row.get("expire") or "")
            found[address] = Lease(address, (row.get("hostname") or "") if is_held else "", until)
        except StopIteration:
            break
        except (ValueError, KeyError, csv.Error) as error:
            bad.note(rows.line_num, b"", f"a lease of Kea: {error}")
    yield from found.values()


def _kea_json(text: str, bad: BadLines) -> Iterator[Lease]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        bad.note(getattr(error, "lineno", 1), text[:80].encode(), "JSON")
        return
    for number, one in enumerate(_kea_leases(document), start=1):
        try:
            if not isinstance(one, dict):
                raise ValueError("a lease")  # noqa: TRY004, TRY301
            until = _number(one.get("cltt")) + _number(one.get("valid-lft"))
            is_held = str(one.get("state", 0)) == _ASSIGNED
            host = str(one.get("hostname") or "") if is_held else ""
            yield Lease(_address(str(one.get("ip-address") or "")), host, until or _FOREVER)
        except ValueError as error:
            bad.note(number, str(one).encode(), str(error))


def _kea_leases(document: Any) -> list[Any]:
    """The list, of a reply, of replies, or alone."""
    if isinstance(document, list):
        replies = [one for one in document if isinstance(one, dict) and "arguments" in one]
        return [lease for one in replies for lease in _kea_leases(one)] if replies else document
    if isinstance(document, dict):
        inner = document.get("arguments", document)
        leases = inner.get("leases", []) if isinstance(inner, dict) else []
        return leases if isinstance(leases, list) else []
    return []


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _seconds(text: str) -> float:
    if not (text.isascii() and text.isdigit() and len(text) < _LONGEST):
        raise ValueError("a time in seconds")
    return float(text)


_LONGEST: Final = 20


def _address(text: str) -> bytes:
    try:
        return ip_address(text).packed
    except ValueError:
        raise ValueError("an address") from None
