"""What the installed service file has systemd bring about."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.daemon import service_unit

OURS = Path(__file__).parents[2] / "contrib" / "systemd" / "resolver.service"


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Where units lie here: two folders, the first of which counts for more."""
    made = [tmp_path / "etc", tmp_path / "lib"]
    for folder in made:
        folder.mkdir()
    monkeypatch.setattr(service_unit, "_FOLDERS", tuple(map(str, made)))
    return made


def test_our_own_service_file_brings_directories(folders: list[Path]) -> None:
    """Its account lasts, and is there before."""
    (folders[1] / "resolver.service").write_bytes(OURS.read_bytes())
    found = service_unit.promises()
    directories = {Path("/var/lib/resolver"), Path("/var/log/resolver"), Path("/run/resolver")}
    assert directories <= found.directories
    assert found.user == ""


def test_an_account_that_lives_as_long_as_the_service_is_promised(folders: list[Path]) -> None:
    """As the service file of earlier versions had it."""
    text = "[Service]\nDynamicUser=yes\nUser=dns\n"
    (folders[0] / "resolver.service").write_text(text)
    assert service_unit.promises().user == "dns"


def test_without_a_service_file_nothing_is_promised(folders: list[Path]) -> None:
    assert not any(any(folder.iterdir()) for folder in folders)
    assert service_unit.promises() == (frozenset(), "")


def test_what_the_operator_wrote_in_its_place_counts(folders: list[Path]) -> None:
    (folders[1] / "resolver.service").write_bytes(OURS.read_bytes())
    (folders[0] / "resolver.service").write_text(
        "[Service]\nUser=dns\n# StateDirectory=resolver\nStateDirectory=a/b dns:alias\n"
    )
    found = service_unit.promises()
    assert found.directories == {Path("/var/lib/a/b"), Path("/var/lib/dns")}
    assert found.user == ""  # an account of this machine, which has to be there
