"""The service file for systemd: what it lets the daemon do, and how it is told to reload."""

from __future__ import annotations

from pathlib import Path

UNIT = Path(__file__).parents[2] / "contrib" / "systemd" / "resolver.service"


def settings(key: str) -> list[str]:
    lines = UNIT.read_text("utf-8").splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{key}=")]


def test_it_may_ask_whether_the_clock_is_synchronised() -> None:
    """clock_adjtime(2) is none of @system-service: without the line the kernel kills who asks."""
    assert "adjtimex clock_adjtime" in settings("SystemCallFilter")
    assert settings("SystemCallErrorNumber") == ["EPERM"]
    assert settings("ProtectClock") == []
    assert "CAP_SYS_TIME" not in " ".join(settings("CapabilityBoundingSet"))


def test_a_reload_is_a_signal_and_the_daemon_says_when_it_is_done() -> None:
    """Type=notify-reload needs systemd 253; this works with all that know RELOADING=1."""
    assert settings("Type") == ["notify"]
    assert settings("ExecReload") == ["/bin/kill -HUP $MAINPID"]
