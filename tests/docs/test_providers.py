"""The table of public resolvers in docs/encryption.md is the program's own."""

from __future__ import annotations

import ipaddress
import re

from resolver.config.forwarders import forwarders_of
from resolver.config.providers import DATED, PROVIDERS, Provider
from resolver.config.schema import Forward
from tests.docs import pages

TEXT = (pages.ROOT / "docs" / "encryption.md").read_text("utf-8")


def _told() -> dict[str, Provider]:
    table = re.search(r"<!-- providers -->\n(.*?)<!-- /providers -->", TEXT, re.DOTALL)
    assert table is not None
    rows = [row.strip("| ").split(" | ") for row in table[1].splitlines()[2:]]
    return {
        name.strip("`"): Provider(
            tuple(addresses.split(", ")),
            auth_name,
            tuple(transports.split(", ")),
            "" if filters == "nothing" else filters,
            tuple(pages.split(", ")) if pages != "none" else (),
        )
        for name, addresses, auth_name, transports, filters, pages in rows
    }


def test_the_table_says_what_the_program_does() -> None:
    assert _told() == PROVIDERS
    assert DATED in TEXT


def test_each_provider_can_be_configured() -> None:
    for name, provider in PROVIDERS.items():
        for scheme in set(provider.transports) - {"udp"}:
            found = forwarders_of(Forward(zone=".", provider=f"{scheme}://{name}"))
            assert [one.where[0] for one in found] == list(provider.addresses)
            assert {one.transport.value for one in found} == {scheme}


def test_each_address_is_a_public_one() -> None:
    for provider in PROVIDERS.values():
        addresses = [ipaddress.ip_address(text) for text in provider.addresses]
        assert all(one.is_global for one in addresses)
        assert {one.version for one in addresses} == {4, 6}
        assert [str(one) for one in addresses] == list(provider.addresses)
