"""What the page on encryption has people copy is what it says."""

from __future__ import annotations

import plistlib
import re
import textwrap
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "encryption.md"


def test_the_profile_for_apples_devices_is_one() -> None:
    found = re.search(r"```xml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    profile = plistlib.loads(textwrap.dedent(found[1].replace("\n  ", "\n")).strip().encode())
    (payload,) = profile["PayloadContent"]
    assert profile["PayloadType"] == "Configuration"
    assert payload["PayloadType"] == "com.apple.dnsSettings.managed"
    assert payload["PayloadUUID"] != profile["PayloadUUID"]
    settings = payload["DNSSettings"]
    assert settings["DNSProtocol"] == "HTTPS"
    assert settings["ServerURL"].endswith("/dns-query")
    assert settings["ServerAddresses"] == ["192.0.2.1"]
