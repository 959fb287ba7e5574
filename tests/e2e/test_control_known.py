"""What the daemon knows, asked and changed over its socket: the daemon, the lab, the command."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from resolver.protocol.codes import Rcode
from tests.e2e.controlled import controlled, open_folder

if TYPE_CHECKING:
    from pathlib import Path

KEEPS = "server.user = ''\nworking_directory = '{folder}'"
pytestmark = pytest.mark.heavy  # a command for each step
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
NOBODY = 65_534
WORKERS = KEEPS + "\nserver.workers = 2"


def test_flush_show_dump_and_load(tmp_path: Path) -> None:
    with controlled(tmp_path, head=KEEPS.format(folder=tmp_path)) as it:
        assert it.ask("www.signed.org.") == Rcode.NOERROR
        shown = it.told("cache", "show", "www.signed.org", "A")["entries"]
        assert [(one["kind"], one["status"]) for one in shown if one["level"] == "memory"] == [
            ("data", "secure")
        ]
        dump = it.control("cache", "dump")
        assert "www.signed.org. " in dump.stdout
        (tmp_path / "dump").write_text(dump.stdout + ";= rrset rank=none\n")
        assert it.told("flush", "signed.org", "--below")["forgotten"]["in_memory"] >= 2
        assert it.told("cache", "show", "www.signed.org", "A")["entries"] == []
        loaded = it.control("cache", "load", str(tmp_path / "dump"))
        assert loaded.returncode == 1
        assert loaded.stderr.startswith(f"line {len(dump.stdout.splitlines()) + 1}: ")
        (entry,) = [
            one for one in it.told("cache", "show", "www.signed.org", "A")["entries"]
            if one["level"] == "memory"
        ]  # fmt: skip
        assert entry["status"] == "unchecked"
        assert it.ask("www.signed.org.") == Rcode.NOERROR
        assert it.told("flush", "--all")["forgotten"]["in_memory"] > 5
        assert it.told("flush", "--servers")["forgotten"]["servers"] > 0
        assert it.control("flush").returncode == 2  # the wrong words


def test_servers_queries_trace_and_why(tmp_path: Path) -> None:
    with controlled(tmp_path) as it:
        assert it.ask("www.dead.org.") == Rcode.SERVFAIL
        assert it.told("servers", "www.dead.org")["zone"] == "dead.org."
        assert it.told("queries")["resolving"] == 0
        assert "it is theirs" in it.told("why", "www.dead.org")["because"]
        traced = it.control("trace", "www.signed.org", "--cold")
        assert traced.stdout.splitlines()[0].startswith("  1 ")
        assert ";; NOERROR, secure, " in traced.stdout
        items = it.control("trace", "www.signed.org", "--json").stdout.splitlines()
        assert json.loads(items[-1])["answer"]["security"] == "secure"


def test_a_negative_anchor_is_kept_over_a_restart(tmp_path: Path) -> None:
    head = KEEPS.format(folder=tmp_path)
    with controlled(tmp_path, head=head) as it:
        assert it.ask("www.bogus.org.") == Rcode.SERVFAIL
        it.told("nta", "add", "bogus.org", "--for", "1h")
        assert it.ask("www.bogus.org.") == Rcode.NOERROR
        assert it.told("stale", "off")["is_served"] is False
    with controlled(tmp_path, head=head) as it:
        assert it.ask("www.bogus.org.") == Rcode.NOERROR
        (anchor,) = it.told("nta", "list")["negative_anchors"]
        assert anchor["name"] == "bogus.org."
        assert it.told("stale")["mode"] == "off"
        it.told("nta", "remove", "bogus.org")
        assert it.ask("www.bogus.org.") == Rcode.SERVFAIL


def test_every_worker_forgets_and_waives(tmp_path: Path) -> None:
    """Each has caches of its own: what is loaded comes to both, and goes from both."""
    with controlled(tmp_path, head=WORKERS.format(folder=tmp_path), is_lab=False) as it:
        (tmp_path / "dump").write_text(
            ";= rrset rank=auth_answer status=secure zone=example.com. left=300 kept=300\n"
            "www.example.com. 300 IN A 192.0.2.80\n"
        )
        assert it.told("cache", "load", str(tmp_path / "dump"))["taken"] == 1

        def workers() -> list[int]:
            entries = it.told("cache", "show", "www.example.com", "A")["entries"]
            return [one["worker"] for one in entries if one["level"] == "memory"]

        assert workers() == [0, 1]
        assert it.told("flush", "www.example.com")["forgotten"]["in_memory"] == 2
        assert workers() == []
        it.told("cache", "load", str(tmp_path / "dump"))
        assert it.told("nta", "add", "example.com")["forgotten"] == 2
        assert workers() == []


@AS_ROOT
def test_a_member_of_the_group_sees_servers_and_no_names() -> None:
    name: dict[str, object] = {"name": "a.example"}
    opens = ("servers", "nta list")
    asked: dict[str, dict[str, object]] = {
        "servers": {}, "nta list": {}, "flush": name, "cache show": name, "cache dump": {},
        "cache load": {"file": []}, "queries": {}, "why": name, "trace": name, "warm": {},
        "stale": {}, "nta add": name, "nta remove": name,
    }  # fmt: skip
    with open_folder() as folder, controlled(folder) as it:
        for verb, given in asked.items():
            said = it.asked_as(NOBODY, 0, do=verb, **given)
            assert ('"ok":true' in said) is (verb in opens), said
            assert ("only root" in said) is (verb not in opens), said


def test_pops_and_why_are_commands_of_their_own(tmp_path: Path) -> None:
    with controlled(tmp_path) as it:
        for name in ("www.example.com.", "mail.example.com.", "www.signed.org.", "old.org."):
            it.ask(name)
        pops = json.loads(it.command("pops", "--json").stdout)
        assert {row["instance"] for row in pops["servers"]} & {"nnn1-fra5", "nnn1-ams5"}
        assert pops["geography"]["measured"] >= len(pops["servers"]) > 0
        shown = it.command("pops", ".").stdout
        assert "a.root-servers.net." in shown
        assert " km at most" in shown
        assert "is told from memory" in it.command("why", "www.example.com").stdout
        story = json.loads(it.command("why", "www.example.com", "--json").stdout)
        assert story["links"][0]["renewal"]["when"]
        assert any(cut["asks"] for cut in story["cuts"])
        assert story["policy"] == []
        active = it.command("pops", "198.41.0.4", "--active")
        assert "id.server. nnn1-fra5, hostname.bind. nnn1-fra5" in active.stdout
