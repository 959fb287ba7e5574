"""The error when no server of a zone cut was of use: who was asked, and what each one did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.errors import ExchangeFailed
from resolver.limits import TOLD_SERVERS
from resolver.model import Ede
from resolver.protocol.codes import EdeCode
from resolver.protocol.names import to_text
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from resolver.model import Name, Server

MALFORMED = "malformed"


def no_usable_reply(zone: Name, reasons: dict[Server, str], elapsed_s: float) -> ExchangeFailed:
    """With EDE 22 (No Reachable Authority) and 23 (Network Error), RFC 8914 §4.23 and §4.24.

    Where all that came was malformed it is not the network's fault: EDE 24 (Invalid Data). Nor is
    it where encrypted servers did not prove who they are: EDE 22 says why.
    """
    cut = to_text(zone)
    told = [_told(server, reason) for server, reason in reasons.items()]
    if not told:
        text = f"no nameserver address for {cut}"
        return ExchangeFailed(text, ede=(Ede(EdeCode.NO_REACHABLE_AUTHORITY, text),))
    text = ", ".join(told[:TOLD_SERVERS])
    if len(told) > TOLD_SERVERS:
        text += f" and {len(told) - TOLD_SERVERS} more"
    ede: tuple[Ede, ...] = (
        Ede(EdeCode.NO_REACHABLE_AUTHORITY, f"at delegation {cut}"),
        Ede(EdeCode.NETWORK_ERROR, text),
    )
    if all(server.transport is not Transport.UDP for server in reasons):
        ede = (Ede(EdeCode.NO_REACHABLE_AUTHORITY, f"at delegation {cut}: {text}"),)
    if _all_malformed(reasons):
        ede = (Ede(EdeCode.INVALID_DATA, text),)
    return ExchangeFailed(
        f"no usable reply for {cut} in {elapsed_s * 1000:.0f} ms: {text}",
        ede=ede,
        asked=frozenset(server.host for server in reasons),
    )


def _told(server: Server, reason: str) -> str:
    """What one server did; of an encrypted one the sentence may name it already."""
    return reason if f"of {server.host}" in reason else f"{server.host} {reason}"


def _all_malformed(reasons: dict[Server, str]) -> bool:
    """True if nobody gave anything but octets that are no DNS message, or records that are none."""
    return all(reason == MALFORMED for reason in reasons.values())
