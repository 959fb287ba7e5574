"""/usr/lib/resolver/switch: which version runs after an upgrade, and the way back.

The versions are folders here and the service manager a stand-in; who answers is a socket of the
test. The whole of it, with dpkg and systemd: tests/e2e/test_package_upgrade.py.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from tests.tools.switched import NXDOMAIN, SERVFAIL, Daemon, Machine, Service
from tools import switch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


OLD, NEW = "1.0.0", "1.1.0"


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    made = Daemon()
    yield made
    made.end()


@pytest.fixture
def machine(tmp_path: Path, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(switch, "WITHIN_S", 0.5)
    monkeypatch.setattr(switch, "BEFORE_S", 0.3)
    monkeypatch.setattr(switch, "REPLY_S", 0.1)
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "switch").touch()
    service = Service(tmp_path / "lib", daemon)
    made = Machine(
        switch.Switch(
            top=tmp_path / "lib", unit=tmp_path / "resolver.service",
            config=tmp_path / "resolver.toml", resolv_conf=tmp_path / "resolv.conf",
            timesyncd=tmp_path / "systemd-timesyncd",
            service=service,
        ),
        service, daemon,
    )  # fmt: skip
    made.switch.config.write_text(f'[server]\nlisten = ["127.0.0.1:{daemon.port}"]\n')
    made.brings(OLD)
    assert made.run("take", "--no-restart") == 0
    service.calls.clear()
    return made


def upgraded(machine: Machine, **files: str) -> int:
    """The status of the last step."""
    assert machine.run("keep") == 0
    machine.brings(NEW, **files)
    return machine.run("take")


# --- an upgrade ----------------------------------------------------------------------------------


def test_the_new_version_runs_once_it_resolves(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert upgraded(machine) == 0
    assert machine.current == NEW
    assert machine.service.calls == ["reload", f"restart {NEW}"]
    assert f"resolver {NEW} resolves" in capsys.readouterr().out


def test_the_version_that_runs_stays_whole_while_its_files_change(machine: Machine) -> None:
    """The daemon imports what it has not yet; systemd may restart it, too."""
    (machine.switch.top / OLD / "module.py").write_text("old")
    (machine.switch.top / OLD / "__pycache__").mkdir()
    assert machine.run("keep") == 0
    assert machine.current == "previous"
    assert not (machine.switch.top / OLD / "__pycache__").exists()  # dpkg knows nothing of it
    machine.brings(NEW)
    assert (machine.switch.top / "current" / "module.py").read_text() == "old"
    assert (machine.switch.top / "current" / "resolver.service").read_text() == f"unit {OLD}\n"
    assert (machine.switch.top / "previous" / "__pycache__").is_dir()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"rcode": str(SERVFAIL)}, "did not resolve"),
        ({"rcode": "silent"}, "did not resolve"),
        ({"starts": "activating"}, "did not resolve"),
        ({"starts": "failed"}, "did not resolve"),
    ],
)
def test_a_version_that_does_not_resolve_goes(
    machine: Machine, capsys: pytest.CaptureFixture[str], files: dict[str, str], said: str
) -> None:
    """The old one is back, with its unit and its configuration, and dpkg is told by the status."""
    before = machine.switch.config.read_text()
    assert machine.run("keep") == 0
    machine.brings(NEW, **files)
    machine.switch.config.write_text(before + "[new]\n")  # a conffile that nobody had changed
    assert machine.run("take") == 1
    assert machine.current == "previous"
    assert machine.service.calls[-1] == f"restart {OLD}"
    assert machine.switch.unit.read_text() == f"unit {OLD}\n"
    assert machine.switch.config.read_text() == before
    beside = machine.switch.config.with_name(f"resolver.toml.{NEW}")
    assert beside.read_text() == before + "[new]\n"
    told = capsys.readouterr()
    assert said in told.err
    assert f"resolver {OLD} is back, and resolves" in told.err
    assert str(beside) in told.out


def test_a_version_that_went_may_be_tried_again(machine: Machine) -> None:
    """`dpkg --configure -a`, or the next version; the version that works stays kept."""
    assert upgraded(machine, rcode=str(SERVFAIL)) == 1
    assert machine.run("take") == 1
    assert machine.current == "previous"
    (machine.switch.top / NEW / "rcode").unlink()
    assert machine.run("take") == 0
    assert machine.current == NEW
    assert machine.switch.unit.read_text() == f"unit {NEW}\n"


def test_an_upgrade_after_one_that_went_keeps_the_version_that_works(machine: Machine) -> None:
    assert upgraded(machine, rcode=str(SERVFAIL)) == 1
    assert machine.run("keep") == 0
    machine.brings("1.2.0", rcode=str(SERVFAIL))
    assert machine.run("take") == 1
    assert switch.version(machine.switch.previous) == f"resolver {OLD}"
    assert machine.service.calls[-1] == f"restart {OLD}"


def test_without_a_network_before_nothing_is_held_against_the_new_version(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has to run, no more."""
    machine.daemon.rcode = SERVFAIL
    assert upgraded(machine, rcode=str(SERVFAIL)) == 0
    assert machine.current == NEW
    assert f"resolver {NEW} runs" in capsys.readouterr().out


def test_where_nothing_can_be_asked_it_has_to_run(machine: Machine) -> None:
    machine.switch.config.write_text('[server]\nlisten = ["tls://127.0.0.1:853"]\n')
    assert upgraded(machine, starts="failed") == 1
    assert machine.current == "previous"


@pytest.mark.parametrize("state", ["inactive", ""])
def test_a_service_that_is_not_to_run_is_not_started(machine: Machine, state: str) -> None:
    """Switched off, or a machine without systemd: the new version is what a start will start."""
    machine.service.active = state
    assert upgraded(machine, rcode=str(SERVFAIL)) == 0
    assert machine.current == NEW
    assert machine.service.calls == ["reload"]


def test_a_service_that_had_failed_gets_the_new_version_whatever_comes_of_it(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.service.active = "failed"
    assert upgraded(machine, starts="failed") == 0
    assert machine.current == NEW
    assert "does not run yet" in capsys.readouterr().out


def test_an_image_that_is_built_restarts_nothing(machine: Machine) -> None:
    assert machine.run("keep") == 0
    machine.brings(NEW)
    assert machine.run("take", "--no-restart") == 0
    assert (machine.current, machine.service.calls) == (NEW, ["reload"])


# --- by hand -------------------------------------------------------------------------------------


def test_an_operator_goes_back(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert upgraded(machine) == 0
    assert machine.run("back") == 0
    assert machine.current == "previous"
    assert machine.service.calls[-1] == f"restart {OLD}"
    assert f"resolver {OLD} is back" in capsys.readouterr().out
    assert machine.run("take") == 0
    assert machine.current == NEW


def test_there_is_no_way_back_from_the_first_version(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert machine.run("back") == 1
    assert "no version is kept" in capsys.readouterr().err
    assert machine.current == OLD


# --- a removal -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("nameserver 127.0.0.1\nnameserver ::1\n", 1),
        ("# by hand\nnameserver 127.0.0.1\nnameserver 192.0.2.1\n", 0),
        ("nameserver 127.0.0.53\n", 0),
        ("nameserver\n", 0),
        ("", 0),
    ],
)
def test_a_removal_that_would_leave_the_machine_without_names_is_refused(
    machine: Machine, text: str, status: int
) -> None:
    machine.switch.resolv_conf.write_text(text)
    assert machine.run("leave") == status
    machine.service.active = "inactive"  # somebody else answers there
    assert machine.run("leave") == 0


@pytest.mark.parametrize("status", [0, 1])
def test_a_removal_undoes_what_was_installed_first(
    machine: Machine, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    program = machine.switch.top / OLD / "bin" / "resolver"
    program.write_text(
        f'#!/bin/sh\n[ "$*" != uninstall ] || {{ echo no >&2; touch {machine.switch.top}/undone; '
        f"exit {status}; }}\n"
    )
    program.chmod(0o755)
    assert machine.run("leave") == status
    assert (machine.switch.top / "undone").exists()
    assert capsys.readouterr().err == ("" if not status else "resolver: resolver uninstall: no\n")


# --- its parts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("", [("127.0.0.1", 53), ("::1", 53)]),
        ("[server]\n", [("127.0.0.1", 53), ("::1", 53)]),
        ("not = [toml", [("127.0.0.1", 53), ("::1", 53)]),
        ("server = 3\n", [("127.0.0.1", 53), ("::1", 53)]),
        ('[server]\nlisten = ["0.0.0.0:53", "[::]:5353"]\n', [("127.0.0.1", 53), ("::1", 5353)]),
        ('[server]\nlisten = ["192.0.2.1", "2001:db8::1"]\n',
         [("192.0.2.1", 53), ("2001:db8::1", 53)]),
        ('[server]\nlisten = ["udp+tcp://[::1]", "tls://127.0.0.1:853"]\n', [("::1", 53)]),
        ('[server]\nlisten = "127.0.0.1:dns"\n', []),
    ],
)  # fmt: skip
def test_it_asks_where_the_configuration_has_it_listen(
    tmp_path: Path, text: str, places: list[tuple[str, int]]
) -> None:
    (tmp_path / "resolver.toml").write_text(text)
    assert list(switch.listens(tmp_path / "resolver.toml")) == places
    assert list(switch.listens(tmp_path / "missing")) == [("127.0.0.1", 53), ("::1", 53)]


def test_each_question_is_for_another_name(daemon: Daemon) -> None:
    """One that is in no cache: what is known would hide that nothing new is found."""
    for _ in range(2):
        assert switch.resolves(("127.0.0.1", daemon.port))
    first, second = daemon.asked
    assert first[12:] != second[12:]
    assert first.endswith(b"\x07example\x03com\x00\x00\x01\x00\x01")


def test_the_configuration_is_copied_with_its_rights(machine: Machine) -> None:
    """It may hold secrets."""
    machine.switch.config.chmod(0o640)
    assert machine.run("keep") == 0
    kept = machine.switch.previous / "resolver.toml"
    assert kept.stat().st_mode & 0o777 == 0o640


def test_a_file_system_without_hard_links_gets_copies(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_source: str, _target: str) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refused)
    assert machine.run("keep") == 0
    assert (machine.switch.previous / "resolver.service").read_text() == f"unit {OLD}\n"


def test_a_question_that_came_to_a_daemon_as_it_ended_is_sent_once_more(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies unread in its socket then is lost, and would cost a second of an upgrade."""
    heard = 0

    def drop_the_first(_: object) -> int | None:
        nonlocal heard
        heard += 1
        return None if heard == 1 else NXDOMAIN

    monkeypatch.setattr(Daemon, "rcode", property(drop_the_first, lambda *_: None), raising=False)
    monkeypatch.setattr(switch, "REPLY_S", 1.0)
    began = time.monotonic()
    assert switch.resolves(("127.0.0.1", machine.daemon.port))
    assert time.monotonic() - began < switch.REPLY_S
    assert machine.daemon.asked[0] == machine.daemon.asked[1]


def test_the_service_manager_is_not_asked_while_nobody_answers(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look is a program, in the time of the daemon that is waited for."""
    looks: list[Service] = []

    def state(it: Service) -> tuple[str, int]:
        looks.append(it)
        return it.active, it.pid

    monkeypatch.setattr(Service, "state", state)
    monkeypatch.setattr(switch, "resolves", lambda _: False)
    assert not machine.switch._resolves(pid=0, within_s=0.3)
    assert looks == []


# --- the clock -----------------------------------------------------------------------------------


def test_the_kernel_may_be_asked_where_another_program_keeps_the_clock(machine: Machine) -> None:
    """chrony comes and goes: the unit follows, and a service that runs is restarted for it."""
    drop_in = machine.switch.unit.with_name("resolver.service.d") / "clock.conf"
    assert "SystemCallFilter=adjtimex" in drop_in.read_text()  # no systemd-timesyncd so far
    machine.switch.timesyncd.touch()
    assert machine.run("clock") == 0
    assert not drop_in.parent.exists()
    assert machine.service.calls == ["reload", f"restart {OLD}"]
    assert machine.run("clock") == 0
    assert machine.service.calls == ["reload", f"restart {OLD}"]  # nothing has changed
    machine.switch.timesyncd.unlink()
    machine.service.active = "inactive"
    assert machine.run("clock") == 0
    assert "ProtectClock=no" in drop_in.read_text()
    assert machine.service.calls[2:] == ["reload"]
