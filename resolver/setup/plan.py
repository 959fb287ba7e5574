"""What an installation does on this machine, step by step, and what speaks against it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.setup import nsswitch, owners, unit
from resolver.setup.files import Content, Kind
from resolver.setup.owners import Owner, owner_of, whole
from resolver.setup.places import CONFIG, PLACES, STATE_FOLDERS
from resolver.setup.steps import (
    CheckConfig,
    CopyProgram,
    Link,
    MakeAccount,
    MakeState,
    PointHere,
    Prove,
    Put,
    ReloadManager,
    StartService,
    Step,
    WriteConfig,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.setup.looking import Facts

_LISTEN: Final = re.compile(r"^listen = .*$", re.MULTILINE)
_SHARED: Final = {
    "manual of the program": "share/man/man8/resolver.8",
    "manual of its configuration": "share/man/man5/resolver.toml.5",
    "completion for bash": "share/bash-completion/completions/resolver",
    "completion for zsh": "share/zsh/site-functions/_resolver",
    "completion for fish": "share/fish/vendor_completions.d/resolver.fish",
}
_SYSTEM: Final = ("/usr", "/usr/local")  # what is below is found there already
_FALLS_BACK: Final = (
    "programs ask the other name server whenever ours takes longer than five seconds: it then sees "
    "what they ask for, and nobody validates what it says"
)
_NO_FALLBACK: Final = "there is no other name server to keep: ours are named alone"
SYSUSERS: Final = 'u resolver - "DNS resolver" /var/lib/resolver\n'


class Wishes(NamedTuple):
    """What was asked for on the command line. *name* has to resolve before and after the switch."""

    name: str
    listens: tuple[str, ...] = ()
    switches: bool = True
    lab: bool = False
    without_nss_resolve: bool = False
    keeps_fallback: bool = False


class Plan(NamedTuple):
    """*steps* in order; *refusals*: why nothing may be done at all; *notes* for people."""

    steps: tuple[Step, ...]
    refusals: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def plan(facts: Facts, wishes: Wishes) -> Plan:
    """The steps for this machine."""
    switch = owners.switch_for(
        facts.evidence, facts.servers, without_nss_resolve=wishes.without_nss_resolve,
        fallback=facts.fallback if wishes.keeps_fallback else "",
    )  # fmt: skip
    refusals = list(_refusals(facts, wishes))
    if wishes.switches and switch.refusal:
        refusals.append(switch.refusal)
    steps = list(_service(facts, wishes))
    if facts.servers:
        steps.append(Prove(tuple(facts.servers), wishes.name, _advice(facts)))
    if wishes.switches:
        steps += _switch(facts, wishes, switch)
    notes = list(switch.notes) if wishes.switches else []
    if wishes.switches and wishes.keeps_fallback:
        notes.append(_FALLS_BACK if facts.fallback else _NO_FALLBACK)
    return Plan(tuple(steps), tuple(refusals), tuple(notes))


def _refusals(facts: Facts, wishes: Wishes) -> Iterator[str]:
    """What stands in the way, each with what to do about it."""
    if facts.program.refusal:
        yield facts.program.refusal
    if facts.config_fault:
        yield facts.config_fault
    for holder in facts.holders:
        yield f"{holder}; {holder.advice}, then come again"
    if wishes.listens and facts.has_config:
        yield f"--listen is for a new configuration: {CONFIG} is there, and has its server.listen"
    if wishes.switches and not facts.servers:
        yield (
            "no address of server.listen is on port 53: programs can be pointed at no other; "
            "--keep-resolv-conf installs the service alone"
        )


def _service(facts: Facts, wishes: Wishes) -> Iterator[Step]:
    command = facts.program.command
    if facts.program.copies:
        yield CopyProgram()
    if not facts.has_account:
        if facts.systemd:
            place = PLACES["sysusers"].path
            yield Put("sysusers", whole(SYSUSERS), f"write {place}: the service's account")
        yield MakeAccount()
    if not facts.has_config:
        yield WriteConfig(_config(wishes))
    is_packaged = facts.brings_unit and not wishes.lab
    if facts.systemd and not is_packaged:
        yield ReloadManager()
        yield _unit(facts, wishes)
    elif not facts.systemd:
        yield MakeState(STATE_FOLDERS[0])
    yield CheckConfig(command, CONFIG)
    if not is_packaged:
        yield from _links(facts.program.prefix, command)
    if facts.systemd:
        yield StartService()


def _config(wishes: Wishes) -> str:
    text = unit.shipped(unit.SHIPPED_CONFIG)
    if wishes.listens:
        listens = ", ".join(f'"{each}"' for each in wishes.listens)
        text = _LISTEN.sub(lambda _: f"listen = [{listens}]", text, count=1)
    return text


def _unit(facts: Facts, wishes: Wishes) -> Put:
    command = facts.program.command
    template = unit.shipped(unit.SHIPPED)
    text = unit.fitted(
        template, command, version=facts.systemd, lab=wishes.lab, has_flag=facts.has_timesyncd
    )
    made, path = Content(Kind.FILE, text.encode()), PLACES["unit"].path
    return Put("unit", lambda _: made, f"write {path}: {command} serve", restarts=True)


def _links(prefix: str, command: str) -> Iterator[Link]:
    """The command, its manual and completion where everybody looks."""
    if prefix in _SYSTEM:
        return
    targets = {"command": command} if command and " " not in command else {}
    targets |= {key: f"{prefix}/{path}" for key, path in _SHARED.items()}
    for key, target in targets.items():
        yield Link(key, target)


def _switch(facts: Facts, wishes: Wishes, switch: owners.Switch) -> Iterator[Step]:
    for each in switch.tellings:
        yield _telling(each)
    if switch.nsswitch is not None:
        say = f"take `resolve` out of {PLACES['nsswitch.conf'].path}"
        yield Put("nsswitch.conf", switch.nsswitch, say, is_edit=True)
    owner = owner_of(facts.evidence)
    was = _was(owner, facts.evidence.resolv_conf)
    fallback = facts.fallback if wishes.keeps_fallback else ""
    yield PointHere(tuple(facts.servers), wishes.name, was, fallback)


def _telling(each: owners.Telling) -> Put:
    place = PLACES[each.key]
    then = f" ({' '.join(each.command)})" if each.command else ""
    say = f"write {place.path}: {each.why}{then}"
    return Put(each.key, each.edit, say, each.command, is_edit=not place.head)


def _was(owner: Owner, found: Content) -> str:
    link = f", a link to {found.target}" if found.kind is Kind.LINK else ""
    return f"{owner.value}{link}"


def _advice(facts: Facts) -> str:
    if facts.systemd:
        return "look at `journalctl -u resolver`, `resolver trace`, your uplink"
    return (
        f"have your init system start `{facts.program.command} serve --config {CONFIG}` "
        "(docs/howto.md has recipes)"
    )


def all_of_it() -> tuple[Step, ...]:
    """Every step that some run may have done, in order: to be undone from its end."""
    nss = Put("nsswitch.conf", nsswitch.without_resolve, "", is_edit=True)
    return (
        CopyProgram(),
        Put("sysusers", whole(""), ""),
        ReloadManager(),
        Put("unit", whole(""), ""),
        *(Link(key, "") for key in ("command", *_SHARED)),
        StartService(),
        *(_telling(each) for key in PLACES if (each := owners.told(key)) is not None),
        nss,
        PointHere((), "", ""),
    )
