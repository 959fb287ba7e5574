"""The service file for a machine, made from the one that comes with the program."""

from __future__ import annotations

from resolver.setup import unit

TEMPLATE = unit.shipped(unit.SHIPPED)


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_program_that_was_called_is_started() -> None:
    text = unit.fitted(TEMPLATE, "/usr/bin/resolver", version=252)
    expected = "ExecStart=/usr/bin/resolver serve --config /etc/resolver/resolver.toml"
    assert [line for line in lines(text) if line.startswith("ExecStart=")] == [expected]
    lab = unit.fitted(TEMPLATE, "/usr/bin/resolver", version=252, lab=True)
    assert f"{expected} --lab" in lines(lab)


def test_from_systemd_253_on_a_reload_is_its_own_affair() -> None:
    """Before, a line sends SIGHUP; the daemon says RELOADING=1 and READY=1 for both."""
    old = lines(unit.fitted(TEMPLATE, "/x", version=252))
    assert "Type=notify" in old
    reload = "ExecReload=/bin/sh -c 'kill -HUP $MAINPID'"
    assert reload in old
    new = lines(unit.fitted(TEMPLATE, "/x", version=253))
    assert "Type=notify-reload" in new
    assert not any(line.startswith("ExecReload") for line in new)
    assert set(old) - set(new) == {"Type=notify", reload}


def test_where_timesyncd_does_not_set_the_clock_the_kernel_may_be_asked() -> None:
    asks = lines(unit.fitted(TEMPLATE, "/x", version=252, has_flag=False))
    assert "SystemCallFilter=adjtimex clock_adjtime" in asks
    assert "ProtectClock=yes" not in asks
    assert "ProtectClock=yes" in lines(unit.fitted(TEMPLATE, "/x", version=252))


def test_the_version_is_read_from_what_systemd_says() -> None:
    assert unit.version_of("systemd 252 (252.38-1~deb12u1)\n+PAM …") == 252
    assert unit.version_of("systemd 257.4-1ubuntu3\n") == 257
    assert unit.version_of("") == 0


def test_a_configuration_comes_with_the_program() -> None:
    assert "working_directory" in unit.shipped(unit.SHIPPED_CONFIG)
