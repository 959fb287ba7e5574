"""Giving up root: what cannot be done is told, and no reason not to serve."""

from __future__ import annotations

import errno
import os
import pwd
import subprocess
import sys

import pytest

from resolver.config.schema import Server
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
def test_low_ports_may_be_bound_afterwards_and_nothing_else_stays() -> None:
    """CAP_NET_BIND_SERVICE is number 10."""
    code = """
from pathlib import Path
from resolver.daemon import privileges
assert privileges.drop("nobody")
status = Path("/proc/self/status").read_text()
print(*(status.split(f"Cap{which}:\\t")[1].split()[0] for which in ("Eff", "Prm", "Inh")))
print(privileges.may_bind(53))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    effective, permitted, inherited, may_bind = done.stdout.split()
    assert int(effective, 16) == int(permitted, 16) == 1 << 10
    assert int(inherited, 16) == 0
    assert may_bind == "True"


@pytest.mark.parametrize(("there", "expected"), [(True, "resolver"), (False, "nobody")])
def test_the_usual_account_is_our_own_where_there_is_one(
    there: bool,  # noqa: FBT001
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def getpwnam(name: str) -> object:
        if name == "resolver" and not there:
            raise KeyError(name)
        return object()

    monkeypatch.setattr(pwd, "getpwnam", getpwnam)
    assert privileges.user_of(Server().user) == expected
    assert (privileges.user_of("dns"), privileges.user_of("")) == ("dns", "")
