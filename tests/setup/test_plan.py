"""What an installation does on a machine, step by step, and what speaks against it."""

from __future__ import annotations

from resolver.setup.files import link_to, text_file
from resolver.setup.looking import Facts
from resolver.setup.owners import Evidence
from resolver.setup.places import CONFIG, PLACES
from resolver.setup.plan import Wishes, all_of_it, plan
from resolver.setup.ports import Holder
from resolver.setup.program import Program
from resolver.setup.run import divided
from resolver.setup.steps import PointHere, Put, StartService
from tests.setup.layouts import WITH_RESOLVE

BARE = Facts(
    evidence=Evidence(text_file("nameserver 192.0.2.1\n")),
    program=Program("/opt/resolver/bin/resolver", "/opt/resolver"),
    systemd=252,
    listens=("127.0.0.1:53", "[::1]:53"),
)
WISHES = Wishes("example.com")


def said(facts: Facts, wishes: Wishes = WISHES) -> str:
    return "\n".join(step.say for step in plan(facts, wishes).steps)


def test_a_bare_machine_gets_everything_and_resolv_conf_last() -> None:
    steps = plan(BARE, WISHES).steps
    text = said(BARE)
    for word in ("account", CONFIG, PLACES["unit"].path, "start resolver.service", "man8"):
        assert word in text
    assert isinstance(steps[-1], PointHere)
    assert text.index("go no further") < text.index("write /etc/resolv.conf")
    service, switch = divided(steps)
    assert "go no further" in service[-1].say
    assert [step.say for step in switch] == [steps[-1].say]


def test_what_is_there_already_is_no_step() -> None:
    again = BARE._replace(has_account=True, has_config=True, brings_unit=True)
    text = said(again)
    assert "account" not in text
    assert f"write {CONFIG}" not in text
    assert PLACES["unit"].path not in text
    assert "start resolver.service" in text
    assert "/usr/local" not in text  # what a package brings, it brings where everybody looks
    assert PLACES["unit"].path in said(again, WISHES._replace(lab=True))


def test_a_port_that_is_taken_stops_it_and_names_the_culprit() -> None:
    holder = Holder("port 53 of 127.0.0.1 (UDP)", 812, "dnsmasq", "dnsmasq.service")
    (refusal,) = plan(BARE._replace(holders=(holder,)), WISHES).refusals
    assert "dnsmasq (pid 812, dnsmasq.service)" in refusal
    assert "systemctl disable --now dnsmasq.service" in refusal


def test_a_port_that_programs_cannot_be_pointed_at_stops_the_switch_alone() -> None:
    elsewhere = BARE._replace(listens=("127.0.0.1:5300",))
    (refusal,) = plan(elsewhere, WISHES).refusals
    assert "--keep-resolv-conf" in refusal
    assert plan(elsewhere, WISHES._replace(switches=False)).refusals == ()


def test_without_a_switch_nothing_of_names_is_touched() -> None:
    text = said(BARE, WISHES._replace(switches=False))
    assert "resolv.conf:" not in text
    assert "go no further" in text


def test_listen_is_for_a_new_configuration() -> None:
    wishes = WISHES._replace(listens=("192.0.2.1:53",))
    (refusal,) = plan(BARE._replace(has_config=True), wishes).refusals
    assert "--listen" in refusal
    step = next(each for each in plan(BARE, wishes).steps if each.say.startswith(f"write {CONFIG}"))
    assert 'listen = ["192.0.2.1:53"]' in step.text  # type: ignore[attr-defined]


def test_without_systemd_the_init_system_is_told_what_to_start() -> None:
    facts = BARE._replace(systemd=0)
    assert "resolver.service" not in said(facts)
    assert not any(isinstance(each, StartService) for each in plan(facts, WISHES).steps)


def test_a_copy_is_made_first_where_the_program_is_out_of_reach() -> None:
    facts = BARE._replace(
        program=Program("/opt/resolver/bin/resolver", "/opt/resolver", copies=True)
    )
    assert said(facts).startswith("copy the program to /opt/resolver")
    no_python = BARE._replace(program=Program("", "/root/x", refusal="Python itself is …"))
    assert plan(no_python, WISHES).refusals == ("Python itself is …",)


def test_nss_resolve_is_taken_out_after_everything_else_is_told() -> None:
    evidence = Evidence(
        link_to("/run/systemd/resolve/stub-resolv.conf"), nsswitch=text_file(WITH_RESOLVE),
        there=frozenset({"/run/systemd/resolve", "/etc/NetworkManager"}),
    )  # fmt: skip
    made = plan(BARE._replace(evidence=evidence), WISHES)
    keys = [step.key for step in made.steps if isinstance(step, Put)]
    assert keys[-2:] == ["NetworkManager", "nsswitch.conf"]
    assert "a link to /run/systemd/resolve/stub-resolv.conf" in made.steps[-1].say
    assert made.notes


def test_a_fallback_is_kept_where_it_is_asked_for_and_what_it_costs_is_said() -> None:
    facts, wishes = BARE._replace(fallback="192.0.2.9"), WISHES._replace(keeps_fallback=True)
    assert "192.0.2.9" not in said(facts)
    assert "and 192.0.2.9 where that is silent" in said(facts, wishes)
    (note,) = plan(facts, wishes).notes
    assert "nobody validates" in note
    (note,) = plan(BARE, wishes).notes
    assert "no other name server" in note


def test_an_uninstallation_knows_every_place() -> None:
    keys = {getattr(step, "key", "resolv.conf") for step in all_of_it()}
    assert keys >= set(PLACES)
