"""The two rights at the real door: each verb, asked by each kind of process of this machine.

A local user without rights, a member of the socket's group, and a process in a container: root in
a user namespace of its own, on the same loopback. The kernel says who asks.
"""

from __future__ import annotations

import ctypes
import json
import os
import pwd
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from resolver.operate.verbs import VERBS
from tests.e2e.controlled import controlled, open_folder
from tests.operate.test_rights import OPEN_TO_THE_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.operate.verb import Verb
    from tests.e2e.controlled import Controlled

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become others")
ACCOUNT, MEMBER, STRANGER, ADMIN = "daemon", 54322, 54323, 54324
CLONE_NEWUSER, PR_SET_DUMPABLE = 0x10000000, 4
# What a verb cannot be asked without; and what ends it at once.
GIVEN: dict[str, dict[str, object]] = {
    "cache show": {"name": "a.example"}, "cache load": {"file": []},
    "trace": {"name": "a.example"}, "why": {"name": "a.example"},
    "nta add": {"name": "a.example"}, "nta remove": {"name": "a.example"},
    "lists test": {"name": "a.example"}, "log level": {"level": "info"},
}  # fmt: skip
LAST = ("drain", "stop")  # of root and admins: nobody could ask more
NOT_ASKED = ("log follow",)  # it has no end


@pytest.fixture(scope="module")
def daemon() -> Iterator[Controlled]:
    head = f"server.user = '{ACCOUNT}'\ncontrol.admins = [{ADMIN}]"
    with open_folder() as folder, controlled(folder, head=head) as made:
        yield made


def line_of(verb: Verb) -> bytes:
    return json.dumps({"do": verb.name, **GIVEN.get(verb.name, {})}).encode() + b"\n"


def becomes_root_of_a_container(user: int, group: int) -> None:
    """In a user namespace: all rights, within."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # its maps are its own again
    if libc.unshare(CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "no user namespaces here")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    assert os.geteuid() == 0


def told(
    it: Controlled, verb: Verb, user: int, group: int, *, is_in_container: bool = False
) -> str:
    """The first line that a process of such an account is told, or why it is told nothing."""
    first = partial(becomes_root_of_a_container, user, group) if is_in_container else None
    return it.told_as(user, group, line_of(verb), first=first)


ONLY_ROOT = "only root, and who is in control.admins"
EACH = pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)


@EACH
@pytest.mark.parametrize("is_in_container", [False, True], ids=["a user", "in a container"])
def test_a_process_without_rights_is_let_in_to_nothing(
    daemon: Controlled, verb: Verb, *, is_in_container: bool
) -> None:
    said = told(daemon, verb, STRANGER, STRANGER, is_in_container=is_in_container)
    assert "Permission denied" in said


@EACH
@pytest.mark.parametrize("is_in_container", [False, True], ids=["a member", "in a container"])
def test_a_member_of_the_group_looks_and_does_not_act(
    daemon: Controlled, verb: Verb, *, is_in_container: bool
) -> None:
    """Root of a container is who it is outside: a member, whose right is to look."""
    group = pwd.getpwnam(ACCOUNT).pw_gid
    said = told(daemon, verb, MEMBER, group, is_in_container=is_in_container)
    assert (ONLY_ROOT in said) is not OPEN_TO_THE_GROUP[verb.name]
    assert ('"ok":true' in said) is OPEN_TO_THE_GROUP[verb.name]


@pytest.mark.parametrize("user", [0, ADMIN], ids=["root", "an admin"])
@pytest.mark.parametrize(
    "verb", [one for one in VERBS if one.name not in (*LAST, *NOT_ASKED)],
    ids=lambda verb: verb.name,
)  # fmt: skip
def test_root_and_admins_do_all_of_it(daemon: Controlled, verb: Verb, user: int) -> None:
    """Done, or refused for what it would come to; never for who asks."""
    said = told(daemon, verb, user, pwd.getpwnam(ACCOUNT).pw_gid)
    assert json.loads(said.splitlines()[0])["ok"] in (True, False)
    assert ONLY_ROOT not in said
