"""What a daemon loads at its start: what its features take that are off, it does without."""

from __future__ import annotations

import subprocess
import sys


def test_a_daemon_without_lists_zones_and_leases_loads_nothing_of_them() -> None:
    """Half of it is dnspython's messages, which take a tenth of a second."""
    code = (
        "import sys; import resolver.cli.serve, resolver.daemon.run; "
        "rooms = {'csv', 'email', 'dns.message', 'resolver.daemon.rpz_work', "
        "'resolver.daemon.rpz_transfer', 'resolver.daemon.list_compiling', "
        "'resolver.policy.rpz_read', 'resolver.policy.list_compile', 'resolver.policy.leases', "
        "'resolver.daemon.health', 'resolver.operate.health_conditions', 'resolver.daemon.page', "
        "'resolver.telemetry.http_page', 'starlette', 'hypercorn', 'rich'}; "
        "print(sorted(rooms & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
