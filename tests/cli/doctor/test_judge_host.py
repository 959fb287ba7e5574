"""What this machine is set to: each judgement with evidence for it, and with evidence against."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resolver.cli.doctor import judge
from resolver.cli.doctor.evidence import Evidence, Holder, Host, Told
from resolver.cli.doctor.finding import Finding, Level

WELL = Host(
    place="127.0.0.1:53",
    told=Told("NOERROR"),
    listens=("127.0.0.1", "::1"),
    resolv_conf=("127.0.0.1", "::1"),
    hosts=("files", "dns"),
    directory="/var/lib/resolver",
    wall=2e9,
    is_synchronised=True,
)


def about(word: str, host: Host) -> Finding:
    found = judge.findings(Evidence(host))
    return next(each for each in found if each.about == word)


HOST = ("configuration", "daemon", "port", "resolv.conf", "nsswitch", "state", "time-keeping")


@pytest.mark.parametrize("word", HOST)
def test_a_machine_that_is_well_is_fine(word: str) -> None:
    assert about(word, WELL).level is Level.FINE


BROKEN = {
    "a configuration that is refused": (
        "configuration", {"config_problems": ("x.toml line 1: …",)}, Level.TROUBLE, "refused"),
    "an unwise one": ("configuration", {"config_notes": ("open",)}, Level.NOTE, "unwise"),
    "a daemon that fails": (
        "daemon", {"told": Told("SERVFAIL", ("network error",))}, Level.TROUBLE, "does not r"),
    "a daemon that is asked and does not run": (
        "daemon", {"place": "", "told": None}, Level.TROUBLE, "which does not run"),
    "a machine without it": (
        "daemon", {"place": "", "told": None, "resolv_conf": ("192.168.1.1",)}, Level.NOTE,
        "the resolver does not run"),
    "one that listens elsewhere, and is asked here": (
        "daemon", {"place": "", "told": None, "door": "link: up (no outages)"}, Level.TROUBLE,
        "runs, and does not answer where"),
    "one that listens elsewhere": (
        "daemon", {"place": "", "told": None, "door": "link: up (no outages)",
                   "resolv_conf": ("192.168.1.1",)}, Level.NOTE, "runs, and does not answer where"),
    "another on its port": (
        "port", {"place": "", "told": None, "holders": (Holder("127.0.0.1:53", "UDP", "unbound"),)},
        Level.TROUBLE, "another program has the port"),
    "a resolv.conf of somebody else": (
        "resolv.conf", {"resolv_conf": ("192.168.1.1",)}, Level.TROUBLE, "do not ask this"),
    "a second name server": (
        "resolv.conf", {"resolv_conf": ("127.0.0.1", "192.168.1.1")}, Level.NOTE, "ask others too"),
    "no resolv.conf": ("resolv.conf", {"resolv_conf": None}, Level.TROUBLE, "there is no /etc/res"),
    "systemd-resolved between": (
        "resolv.conf", {"resolv_conf": ("127.0.0.53",), "stub_asks": ("127.0.0.1",)}, Level.NOTE,
        "which asks this resolver"),
    "nss-resolve first": (
        "nsswitch", {"hosts": ("files", "resolve", "dns")}, Level.NOTE, "past /etc/resolv.conf"),
    "no dns at all": ("nsswitch", {"hosts": ("files",)}, Level.TROUBLE, "no name server at all"),
    "a directory of another": (
        "state", {"directory_trouble": "cannot be written"}, Level.TROUBLE, "nothing can be kept"),
    "a directory that a user asks about": ("state", {"is_root": False}, Level.UNKNOWN, "only root"),
    "no directory": ("state", {"directory": ""}, Level.UNKNOWN, "not set"),
    "a clock that nobody keeps": (
        "time-keeping", {"is_synchronised": False}, Level.NOTE, "nothing keeps"),
    "an outage that the door tells of": (
        "outage", {"door": "link: down since 11:20", "is_cut": True}, Level.TROUBLE, "is cut off"),
    "a door that says that all is well": (
        "outage", {"door": "link: up (no outages)"}, Level.FINE, ""),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_wrong_is_found(kind: str) -> None:
    word, changed, level, said = BROKEN[kind]
    found = about(word, replace(WELL, **changed))  # type: ignore[arg-type]
    assert found.level is level
    assert said in found.title
    if level is Level.TROUBLE:
        assert found.advice, "a finding says what to do"
