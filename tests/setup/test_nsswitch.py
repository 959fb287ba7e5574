"""nss-resolve in /etc/nsswitch.conf: seen, and taken out."""

from __future__ import annotations

import pytest

from resolver.setup.files import text_file
from resolver.setup.nsswitch import uses_resolve, without_resolve

CASES = [
    ("hosts: files resolve [!UNAVAIL=return] dns", "hosts: files dns"),
    ("hosts:          mymachines resolve [!UNAVAIL=return] files myhostname dns",
     "hosts:          mymachines files myhostname dns"),
    ("hosts: files resolve", "hosts: files dns"),
    ("hosts:resolve [SUCCESS=return] files  # mine", "hosts:dns files  # mine"),
    ("\thosts: files mdns4_minimal [NOTFOUND=return] resolve dns",
     "\thosts: files mdns4_minimal [NOTFOUND=return] dns"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), CASES)
def test_resolve_goes_and_dns_is_there(before: str, after: str) -> None:
    found = text_file(f"passwd: files\n{before}\nnetworks: files resolve\n")
    assert uses_resolve(found)
    expected = f"passwd: files\n{after}\nnetworks: files resolve\n".encode()
    assert without_resolve(found).data == expected
    assert not uses_resolve(without_resolve(found))


@pytest.mark.parametrize(
    "line", ["hosts: files dns", "# hosts: files resolve", "hosts: files dns # resolve", ""]
)
def test_without_it_nothing_changes(line: str) -> None:
    found = text_file(line + "\n")
    assert not uses_resolve(found)
    assert without_resolve(found) == found
