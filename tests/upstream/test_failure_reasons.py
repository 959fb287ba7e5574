"""What a client is told where no server was of use."""

from __future__ import annotations

import pytest

from resolver.limits import TOLD_SERVERS
from resolver.model import Server
from resolver.protocol.codes import EdeCode
from resolver.protocol.names import from_text
from resolver.upstream.failure_reasons import MALFORMED, no_usable_reply

ZONE = from_text("example.")
ONE, OTHER = (Server(host, 53, ZONE) for host in ("192.0.2.1", "192.0.2.2"))


@pytest.mark.rfc("RFC 8914 §4")
@pytest.mark.parametrize(
    ("reasons", "codes"),
    [
        ({}, [EdeCode.NO_REACHABLE_AUTHORITY]),
        ({ONE: "timeout"}, [EdeCode.NO_REACHABLE_AUTHORITY, EdeCode.NETWORK_ERROR]),
        ({ONE: MALFORMED, OTHER: MALFORMED}, [EdeCode.INVALID_DATA]),
        ({ONE: MALFORMED, OTHER: "lame"}, [EdeCode.NO_REACHABLE_AUTHORITY, EdeCode.NETWORK_ERROR]),
    ],
)
def test_malformed_data_is_not_the_networks_fault(
    reasons: dict[Server, str], codes: list[int]
) -> None:
    assert [ede.code for ede in no_usable_reply(ZONE, reasons, 0.1).ede] == codes


@pytest.mark.reaches("TOLD_SERVERS")
def test_some_servers_are_told_one_by_one_and_the_rest_are_counted() -> None:
    hosts = [f"192.0.2.{number}" for number in range(1, TOLD_SERVERS + 4)]
    reasons = {Server(host, 53, ZONE): "timeout" for host in hosts}
    text = no_usable_reply(ZONE, reasons, 0.1).ede[-1].text
    told = ", ".join(f"{host} timeout" for host in hosts[:TOLD_SERVERS])
    assert text == f"{told} and 3 more"
