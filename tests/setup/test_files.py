"""Files of the machine: whole or not at all, and nobody but root says where they are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from resolver.limits import SETUP_FILE_OCTETS
from resolver.setup.failures import SetupFailed
from resolver.setup.files import NOTHING, Content, Files, Kind, link_to, text_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def files(tmp_path: Path) -> Files:
    tmp_path.chmod(0o755)
    (tmp_path / "etc").mkdir()
    return Files(str(tmp_path))


def test_what_is_put_is_read_with_mode_and_owner(files: Files) -> None:
    uid, gid = os.geteuid(), os.getegid()
    content = Content(Kind.FILE, b"a\n", mode=0o640, uid=uid, gid=gid)
    files.put("/etc/one", content)
    assert files.read("/etc/one") == content
    files.put("/etc/one", link_to("../two"))
    assert files.read("/etc/one") == link_to("../two")
    files.put("/etc/one", NOTHING)
    assert files.read("/etc/one") == NOTHING


def test_a_link_in_the_last_place_is_replaced_and_never_followed(
    files: Files, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.write_text("untouched")
    (tmp_path / "etc" / "one").symlink_to(target)
    files.put("/etc/one", text_file("ours"))
    assert target.read_text() == "untouched"
    assert not (tmp_path / "etc" / "one").is_symlink()


def test_a_link_laid_beside_is_not_followed_either(files: Files, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("untouched")
    (tmp_path / "etc" / ".one.resolver-new").symlink_to(target)
    files.put("/etc/one", text_file("ours"))
    assert target.read_text() == "untouched"
    assert files.read("/etc/one").data == b"ours"


def test_folders_that_others_may_write_are_refused(files: Files, tmp_path: Path) -> None:
    (tmp_path / "etc" / "open").mkdir()
    (tmp_path / "etc" / "open").chmod(0o777)
    with pytest.raises(SetupFailed, match="written by others"):
        files.put("/etc/open/one", text_file(""))
    with pytest.raises(SetupFailed, match="written by others"):
        files.read("/etc/open/one")


def test_in_usr_local_a_group_may_write(files: Files, tmp_path: Path) -> None:
    """Debian's staff; it can replace there what root runs anyway."""
    (tmp_path / "usr" / "local" / "bin").mkdir(parents=True)
    (tmp_path / "usr" / "local" / "bin").chmod(0o2775)
    files.put("/usr/local/bin/resolver", link_to("/opt/resolver/bin/resolver"))
    (tmp_path / "usr" / "local" / "bin").chmod(0o777)
    with pytest.raises(SetupFailed, match="written by others"):
        files.put("/usr/local/bin/resolver", NOTHING)


def test_links_on_the_way_are_walked_by_the_same_rule(files: Files, tmp_path: Path) -> None:
    """/usr/local is a link to /var/usrlocal on some systems; one that leads through a folder of
    everybody's is refused all the same."""
    (tmp_path / "var" / "local").mkdir(parents=True)
    (tmp_path / "etc" / "local").symlink_to("/var/local")
    files.put("/etc/local/one", text_file("here"))
    assert (tmp_path / "var" / "local" / "one").read_text() == "here"
    (tmp_path / "etc" / "up").symlink_to("../../../../var/local")
    assert files.read("/etc/up/one").data == b"here"
    (tmp_path / "var").chmod(0o777)
    with pytest.raises(SetupFailed, match="written by others"):
        files.read("/etc/local/one")
    (tmp_path / "etc" / "round").symlink_to("round")
    with pytest.raises(SetupFailed, match="too many links"):
        files.read("/etc/round/one")


def test_missing_folders_are_made_and_gone_again(files: Files, tmp_path: Path) -> None:
    path = "/etc/a/b/one"
    assert files.missing_folders(path) == 2
    files.put(path, text_file("x"))
    files.remove(path)
    files.tidy(path, 2)
    assert list((tmp_path / "etc").iterdir()) == []


def test_a_folder_that_somebody_uses_stays(files: Files, tmp_path: Path) -> None:
    files.put("/etc/a/one", text_file("x"))
    (tmp_path / "etc" / "a" / "other").write_text("")
    files.remove("/etc/a/one")
    files.tidy("/etc/a/one", 1)
    assert (tmp_path / "etc" / "a" / "other").exists()


@pytest.mark.reaches("SETUP_FILE_OCTETS")
def test_what_is_too_long_or_no_file_is_refused(files: Files, tmp_path: Path) -> None:
    (tmp_path / "etc" / "long").write_bytes(bytes(SETUP_FILE_OCTETS + 1))
    with pytest.raises(SetupFailed, match="octets"):
        files.read("/etc/long")
    (tmp_path / "etc" / "long").write_bytes(bytes(SETUP_FILE_OCTETS))
    assert len(files.read("/etc/long").data) == SETUP_FILE_OCTETS
    os.mkfifo(tmp_path / "etc" / "pipe")
    with pytest.raises(SetupFailed, match="neither a file nor a link"):
        files.read("/etc/pipe")


def test_death_at_any_point_leaves_the_old_or_the_new(files: Files) -> None:
    files.put("/etc/one", text_file("old"))

    class Death(Exception):
        pass

    for at in range(10):
        count = 0

        def pause(_: str, at: int = at) -> None:
            nonlocal count
            if count == at:
                raise Death
            count += 1

        files.pause = pause
        try:
            files.put("/etc/one", text_file("new"))
        except Death:
            assert files.read("/etc/one").data in {b"old", b"new"}
        else:
            assert at > 1
            break
    assert files.read("/etc/one").data == b"new"
