"""The service file for systemd: what it lets the daemon do, and how it is told to reload."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "contrib" / "systemd" / "resolver.service"
ANALYZE = shutil.which("systemd-analyze")


def settings(key: str) -> list[str]:
    lines = UNIT.read_text("utf-8").splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{key}=")]


def test_what_it_may_not_do_is_an_error_and_not_its_death() -> None:
    """clock_adjtime(2), which says whether the clock is synchronised, is none of @system-service:
    without the second line the kernel would kill who asks."""
    assert settings("SystemCallFilter") == ["@system-service", "~@privileged @resources"]
    assert settings("SystemCallErrorNumber") == ["EPERM"]
    assert settings("ProtectClock") == ["yes"]


def test_a_reload_is_a_signal_and_the_daemon_says_when_it_is_done() -> None:
    """Type=notify-reload needs systemd 253, where `resolver install` writes it; this works with all
    that know RELOADING=1, and where there is no /bin/kill (a bare Debian: it is procps')."""
    assert settings("Type") == ["notify"]
    assert settings("ExecReload") == ["/bin/sh -c 'kill -HUP $MAINPID'"]


def test_it_is_started_as_often_as_it_takes_but_not_on_a_wrong_file() -> None:
    assert settings("Restart") == ["on-failure"]
    assert settings("StartLimitIntervalSec") == ["0"]
    assert settings("RestartPreventExitStatus") == ["2"]


def test_its_account_lasts_as_its_state_does() -> None:
    assert settings("User") == ["resolver"]
    assert settings("DynamicUser") == []
    assert settings("StateDirectory") == settings("RuntimeDirectory") == ["resolver"]


@pytest.mark.skipif(ANALYZE is None, reason="not installed: systemd-analyze")
def test_the_sandbox_is_tight() -> None:
    """1.4 of 10 at most, by systemd's own reckoning."""
    command = [str(ANALYZE), "security", "--offline=true", str(UNIT)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level for resolver.service: ([0-9.]+)", ended.stdout)
    if found is None:
        pytest.skip(f"systemd-analyze cannot look at files: {ended.stderr[:80]}")
    assert float(found[1]) <= 1.4, ended.stdout


@pytest.mark.skipif(ANALYZE is None, reason="not installed: systemd-analyze")
def test_systemd_finds_no_fault_in_it() -> None:
    ended = subprocess.run(
        [str(ANALYZE), "verify", "--man=no", str(UNIT)], capture_output=True, text=True, check=False
    )
    faults = [line for line in ended.stderr.splitlines() if "resolver.service:" in line]
    assert [line for line in faults if "is not executable" not in line] == []
