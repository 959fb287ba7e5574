"""The steps of an installation, alone: how long each waits, and what it says where it fails."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from resolver.limits import SETUP_PROVE_SECONDS, SETUP_START_SECONDS, SETUP_VERIFY_SECONDS
from resolver.setup import asking, steps
from resolver.setup.commands import Ended
from resolver.setup.failures import SetupFailed
from resolver.setup.files import Files, Kind
from resolver.setup.journal import Journal
from resolver.setup.owners import whole
from resolver.setup.steps import Box, MakeAccount, PointHere, Prove, Put, StartService

if TYPE_CHECKING:
    from pathlib import Path


class Machine:
    """Notes what is run. *fails*: how commands begin that do."""

    def __init__(self, *fails: str) -> None:
        self.ran: list[tuple[str, float]] = []
        self._fails = fails

    def __call__(self, words: tuple[str, ...], *, timeout_s: float = 1.0) -> Ended:
        line = " ".join(words)
        self.ran.append((line, timeout_s))
        return Ended(1, err="it cannot be\n") if line.startswith(self._fails) else Ended(0, "there")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    tmp_path.chmod(0o755)
    for folder in ("etc", "var/lib"):
        (tmp_path / folder).mkdir(parents=True)
    return Files(str(tmp_path))


def box_of(files: Files, *fails: str) -> tuple[Box, Machine, list[str]]:
    machine, told = Machine(*(fails or ("nothing",))), list[str]()
    return Box(files, Journal(files), machine, told.append), machine, told


@pytest.mark.reaches("SETUP_START_SECONDS")
def test_the_service_is_enabled_started_and_as_before_again(files: Files) -> None:
    box, machine, _ = box_of(files, "systemctl is-enabled", "systemctl is-active")
    with box.journal.opened():
        StartService().do(box)
        assert ("systemctl start resolver.service", SETUP_START_SECONDS) in machine.ran
        machine.ran.clear()
        StartService().undo(box)
    assert [line for line, _ in machine.ran] == [
        "systemctl disable --quiet resolver.service", "systemctl stop resolver.service",
    ]  # fmt: skip
    assert not files.exists("/var/lib/resolver-install")


def test_a_service_that_was_running_before_goes_on(files: Files) -> None:
    box, machine, _ = box_of(files)
    with box.journal.opened():
        StartService().do(box)
        machine.ran.clear()
        StartService().undo(box)
    assert machine.ran == []


def test_a_new_unit_means_a_restart_and_a_failure_shows_its_log(files: Files) -> None:
    box, machine, _ = box_of(files, "systemctl restart")
    box.is_changed = True
    with box.journal.opened(), pytest.raises(SetupFailed, match="it cannot be\nthere"):
        StartService().do(box)
    assert machine.ran[-1][0].startswith("journalctl -u resolver.service")


@pytest.mark.reaches("SETUP_PROVE_SECONDS")
def test_nothing_is_touched_until_our_own_address_answers(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = []

    def why_not(host: str, _: str, patience_s: float) -> str:
        patience.append((host, patience_s))
        return "SERVFAIL" if host == "127.0.0.1" else ""

    monkeypatch.setattr(asking, "why_not", why_not)
    box, _, _ = box_of(files)
    with pytest.raises(SetupFailed, match=r"SERVFAIL.*was not touched; look here"):
        Prove(("127.0.0.1",), "example.com", "look here").do(box)
    assert patience == [("127.0.0.1", SETUP_PROVE_SECONDS)]
    Prove(("::1", "127.0.0.1", "::2"), "example.com", "").do(box)
    assert box.servers == ["::1", "::2"]  # one that does not answer is not written


@pytest.mark.reaches("SETUP_VERIFY_SECONDS")
def test_programs_have_a_few_seconds_to_get_a_name(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = []

    def why_system_not(_: object, name: str, patience_s: float) -> str:
        patience.append(patience_s)
        return f"{name} is not found"

    monkeypatch.setattr(asking, "why_system_not", why_system_not)
    box, _, _ = box_of(files)
    step = PointHere(("127.0.0.1",), "example.com", "")
    with box.journal.opened():
        with pytest.raises(SetupFailed, match="is not found"):
            step.do(box)
        assert b"nameserver 127.0.0.1" in files.read("/etc/resolv.conf").data
        step.undo(box)
    assert files.read("/etc/resolv.conf").kind is Kind.NOTHING
    assert patience == [SETUP_VERIFY_SECONDS]
    assert SETUP_VERIFY_SECONDS < 5


def test_who_has_been_told_reads_it_there_and_back(files: Files) -> None:
    box, machine, told = box_of(files, "reload")
    step = Put("NetworkManager", whole("[main]\n"), "say", ("reload", "it"))
    with box.journal.opened():
        step.do(box)
        step.do(box)
        step.undo(box)
        step.undo(box)
    assert [line for line, _ in machine.ran] == ["reload it"] * 3
    assert told == ["reload it: it cannot be"] * 3
    assert not files.exists("/etc/NetworkManager")


def test_an_account_is_made_by_whatever_there_is(files: Files) -> None:
    box, machine, _ = box_of(files, "systemd-sysusers")
    MakeAccount().do(box)
    assert [line.split()[0] for line, _ in machine.ran] == ["systemd-sysusers", "getent"]
    box, _, _ = box_of(files, "systemd-sysusers", "useradd", "adduser", "getent")
    with pytest.raises(SetupFailed, match="cannot be made"):
        MakeAccount().do(box)


def test_a_place_that_others_may_write_ends_it(files: Files, tmp_path: Path) -> None:
    box, _, _ = box_of(files)
    (tmp_path / "etc" / "NetworkManager").mkdir()
    os.chmod(tmp_path / "etc" / "NetworkManager", 0o777)  # noqa: PTH101, S103
    with box.journal.opened(), pytest.raises(SetupFailed, match="others than root"):
        Put("NetworkManager", whole(""), "say").do(box)


def test_steps_say_what_they_do() -> None:
    assert "enable and start" in StartService().say
    assert steps.Link("command", "/opt/x").say == "link /usr/local/bin/resolver to /opt/x"
