"""What was there before is remembered before it is changed, and put back as it was."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest

from resolver.setup import nsswitch
from resolver.setup.failures import SetupFailed
from resolver.setup.files import NOTHING, Content, Files, Kind, link_to, text_file
from resolver.setup.journal import Journal
from resolver.setup.owners import appended, whole
from resolver.setup.places import RESOLV_CONF_HEAD

if TYPE_CHECKING:
    from pathlib import Path

OURS = text_file(RESOLV_CONF_HEAD + "nameserver 127.0.0.1\n")
PATH = "/etc/resolv.conf"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    tmp_path.chmod(0o755)
    (tmp_path / "etc").mkdir()
    (tmp_path / "var" / "lib").mkdir(parents=True)
    return Files(str(tmp_path))


def mine(content: Content) -> Content:
    """As a file of the user who tests."""
    return Content(
        content.kind, content.data, content.target, content.mode, os.geteuid(), os.getegid()
    )


def put(files: Files, key: str, path: str, content: Content) -> None:
    journal = Journal(files)
    with journal.opened():
        if journal.remember(key, content):
            files.put(path, content)


def put_back(files: Files, key: str) -> str:
    journal = Journal(files)
    with journal.opened():
        return journal.put_back(key)


@pytest.mark.parametrize(
    "before",
    [mine(text_file("nameserver 192.0.2.1\n", 0o640)), link_to("../run/x/resolv.conf"), NOTHING],
    ids=lambda content: content.kind.value,
)
def test_file_link_or_nothing_is_back_as_it_was(files: Files, before: Content) -> None:
    files.put(PATH, before)
    put(files, "resolv.conf", PATH, OURS)
    assert files.read(PATH).data == OURS.data
    assert put_back(files, "resolv.conf") == ""
    assert files.read(PATH) == before
    assert not files.exists("/var/lib/resolver-install")


def test_the_folder_is_roots_alone(files: Files, tmp_path: Path) -> None:
    put(files, "resolv.conf", PATH, OURS)
    folder = tmp_path / "var" / "lib" / "resolver-install"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "journal.json").stat().st_mode) == 0o600


def test_a_good_backup_is_never_replaced_by_our_own_file(files: Files) -> None:
    """Numa lost its users' name servers three times that way."""
    before = mine(text_file("nameserver 192.0.2.1\n"))
    files.put(PATH, before)
    put(files, "resolv.conf", PATH, OURS)
    newer = text_file(RESOLV_CONF_HEAD + "nameserver ::1\n")
    put(files, "resolv.conf", PATH, newer)
    files.put(PATH, text_file(newer.data.decode() + "# edited by hand\n"))
    put(files, "resolv.conf", PATH, OURS)
    put_back(files, "resolv.conf")
    assert files.read(PATH) == before


def test_without_a_journal_our_own_file_is_no_backup(files: Files) -> None:
    files.put(PATH, text_file(RESOLV_CONF_HEAD))
    journal = Journal(files)
    with journal.opened():
        assert journal.remember("resolv.conf", OURS)
        assert not journal.holds("resolv.conf")


def test_what_somebody_else_put_there_meanwhile_is_the_new_before(files: Files) -> None:
    files.put(PATH, text_file("nameserver 192.0.2.1\n"))
    put(files, "resolv.conf", PATH, OURS)
    theirs = mine(text_file("nameserver 198.51.100.1\n"))
    files.put(PATH, theirs)
    put(files, "resolv.conf", PATH, OURS)
    put_back(files, "resolv.conf")
    assert files.read(PATH) == theirs


def test_what_was_changed_since_is_left_and_told(files: Files) -> None:
    files.put(PATH, text_file("nameserver 192.0.2.1\n"))
    put(files, "resolv.conf", PATH, OURS)
    files.put(PATH, text_file("nameserver 198.51.100.1\n"))
    assert "changed since" in put_back(files, "resolv.conf")
    assert files.read(PATH).data == b"nameserver 198.51.100.1\n"


def test_an_edit_is_taken_back_out_of_a_file_that_was_changed_since(files: Files) -> None:
    path, edit = "/etc/nsswitch.conf", nsswitch.without_resolve
    before = text_file("passwd: files\nhosts: files resolve dns\nnetworks: files\n")
    files.put(path, before)
    put(files, "nsswitch.conf", path, edit(before))
    files.put(path, text_file("passwd: files ldap\nhosts: files dns\nnetworks: files\n# mine\n"))
    journal = Journal(files)
    with journal.opened():
        assert journal.put_back("nsswitch.conf", edit) == ""
    expected = b"passwd: files ldap\nhosts: files resolve dns\nnetworks: files\n# mine\n"
    assert files.read(path).data == expected


def test_lines_that_were_appended_go_alone(files: Files) -> None:
    path, edit = "/etc/dhcpcd.conf", appended("nohook resolv.conf\n")
    before = text_file("hostname\n")
    files.put(path, before)
    put(files, "dhcpcd", path, edit(before))
    files.put(path, text_file(edit(before).data.decode() + "option ntp\n"))
    journal = Journal(files)
    with journal.opened():
        assert journal.put_back("dhcpcd", edit) == ""
    assert files.read(path).data == b"hostname\noption ntp\n"


def test_a_file_of_an_older_version_of_ours_is_not_what_was_there(files: Files) -> None:
    path = "/etc/NetworkManager/conf.d/resolver.conf"
    files.put(path, whole("old\n")(NOTHING))
    put(files, "NetworkManager", path, whole("new\n")(NOTHING))
    put_back(files, "NetworkManager")
    assert files.read(path) == NOTHING


def test_no_path_is_read_from_the_journal(files: Files, tmp_path: Path) -> None:
    """Who could write there would still not say where root writes."""
    put(files, "resolv.conf", PATH, OURS)
    file = tmp_path / "var" / "lib" / "resolver-install" / "journal.json"
    book = json.loads(file.read_text())
    assert "/" not in " ".join(book["places"])
    book["places"]["../../etc/shadow"] = book["places"]["resolv.conf"]
    file.write_text(json.dumps(book))
    journal = Journal(files)
    journal.read()
    assert set(journal.book.places) == {"resolv.conf"}


@pytest.mark.parametrize(
    "damage", ["", "{", '{"version": "x"}', '{"places": {"resolv.conf": 1}}', "[]"]
)
def test_a_damaged_journal_ends_it_in_a_sentence(files: Files, tmp_path: Path, damage: str) -> None:
    put(files, "resolv.conf", PATH, OURS)
    (tmp_path / "var" / "lib" / "resolver-install" / "journal.json").write_text(damage)
    with pytest.raises(SetupFailed, match=r"journal\.json cannot be understood"):
        Journal(files).read()


def test_two_at_a_time_are_refused(files: Files) -> None:
    with Journal(files).opened(), pytest.raises(SetupFailed, match="another"):
        Journal(files).opened().__enter__()


def test_kinds_are_what_they_are_called() -> None:
    assert [kind.value for kind in Kind] == ["nothing", "file", "link"]
