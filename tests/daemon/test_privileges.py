"""Giving up root: what cannot be done is told, and no reason not to serve."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from resolver.daemon import privileges
from resolver.errors import ConfigError


def test_root_without_the_capability_to_change_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A container without CAP_SETUID: its root is hardly more than a user."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for name in ("setgroups", "setgid", "setuid"):
        monkeypatch.setattr(os, name, refuse)
    assert not privileges.drop("nobody")
    assert [record.getMessage() for record in caplog.records] == [
        "cannot become nobody (Operation not permitted); going on as root"
    ]


def test_an_account_that_does_not_exist_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(ConfigError, match=r"server\.user: 'no-such-account'"):
        privileges.drop("no-such-account")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give up")
@pytest.mark.parametrize(("keeps", "while_missing"), [(1, 1 << 10), (0, 0)])
def test_a_low_port_may_be_bound_until_nothing_is_missing(keeps: int, while_missing: int) -> None:
    """CAP_NET_BIND_SERVICE is number 10; nothing else stays, and that not for long."""
    code = f"""
from pathlib import Path
from resolver.daemon import privileges
def now():
    status = Path("/proc/self/status").read_text().split("CapEff:")[1]
    return int(status.split()[0], 16)
assert privileges.drop("nobody", keeps_ports=bool({keeps}))
print(now())
privileges.forget_ports()
print(now())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(while_missing), "0"]
