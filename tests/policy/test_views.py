"""Each client has one view: by its most specific network, else by where it asks, else all's."""

from __future__ import annotations

import pytest

from resolver import limits
from resolver.policy import views
from resolver.policy.acl import Acl
from resolver.policy.networks import Networks
from resolver.policy.path import Step
from resolver.policy.views import Clients, Views
from resolver.protocol.ip_addresses import address_octets

ALL, GUESTS, BOX = Step(), Step(), Step()


def house(*, everybody: Step = ALL) -> Views:
    return Views(
        (everybody,),
        [
            Clients("guests", (GUESTS,), networks=("192.0.2.0/24", "2001:db8::/32")),
            Clients("box", (BOX,), networks=("192.0.2.7", "::ffff:198.51.100.0/120")),
            Clients("upstairs", (GUESTS,), listeners=("10.0.0.1",)),
        ],
    )


@pytest.mark.parametrize(
    ("client", "listener", "view"),
    [
        ("192.0.2.1", "127.0.0.1", "guests"),
        ("192.0.2.7", "127.0.0.1", "box"),
        ("192.0.2.7", "10.0.0.1", "box"),
        ("::ffff:192.0.2.7", "::", "box"),
        ("198.51.100.9", "127.0.0.1", "box"),
        ("2001:db8::1", "::1", "guests"),
        ("203.0.113.1", "10.0.0.1", "upstairs"),
        ("203.0.113.1", "127.0.0.1", "default"),
    ],
)
def test_the_most_specific_network_decides_then_the_listener(
    client: str, listener: str, view: str
) -> None:
    found = house()
    for _ in range(2):  # found, and remembered
        assert found.of(address_octets(client), listener).view.name == view


def test_equal_steps_have_equal_tags_and_no_others() -> None:
    tags = {path.view.name: path.view.tag for path in house().paths}
    assert tags["guests"] == tags["upstairs"]
    assert len({tags["default"], tags["guests"], tags["box"]}) == 3
    assert tags["default"] == 0


def test_who_is_not_on_the_list_has_no_tag() -> None:
    found = house(everybody=Acl(["203.0.113.0/24"]))
    assert found.tag(address_octets("203.0.113.1"), "") == 0
    assert found.tag(address_octets("10.9.9.9"), "") is None


@pytest.mark.reaches("ACL_MEMORY")
def test_spoofed_clients_do_not_fill_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "ACL_MEMORY", 10)
    found = house()
    for last in range(35):
        found.of(bytes([192, 0, 2, last]), "")
    assert 0 < len(found._lately) <= 10
    assert limits.ACL_MEMORY > 10


def test_networks_are_counted_and_what_is_none_is_refused() -> None:
    networks: Networks[int] = Networks()
    networks.put("0.0.0.0/0", 1)
    networks.put("10.0.0.0/8", 2)
    assert len(networks) == 2
    assert networks.closest(bytes([10, 1, 1, 1])) == 2
    assert networks.closest(bytes(16)) is None
    with pytest.raises(ValueError, match="does not appear"):
        networks.put("10.0.0.999", 3)
