"""A daemon in the lab is asked some names, and drilled: as a user would, over its socket."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.controlled import Controlled, controlled

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("www.example.com.", "alias.example.com.", "www.signed.org.", "www.slow.org.")


def told(it: Controlled, *words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "resolver", *words, "--socket", str(it.socket), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("is_kept", [True, False])
def test_some_names_and_then_the_cut(tmp_path: Path, is_kept: bool) -> None:  # noqa: FBT001
    """With a cache on disk, and without."""
    (tmp_path / "state").mkdir()
    state = f"working_directory = '{tmp_path / 'state'}'\n" if is_kept else ""
    with controlled(tmp_path, head=f"{state}server.user = ''") as it:
        for name in NAMES:
            assert it.ask(name) == 0
        report = told(it, "drill", "--far-ms", "200")
        assert report["names"] >= 3  # an alias stands for where it leads
        fates = {row["name"]: (row["cut"], row["after_s"]) for row in report["failing"]}
        assert fates["www.slow.org."][0] == "slow.org."
        assert "www.signed.org." not in fates
        everything = told(it, "drill", "--keep-only", "0.0.0.0/0", "::/0")
        assert [moment["fresh"] for moment in everything["moments"]] == [1.0] * 4
        zones = told(it, "geo", "zones")["zones"]
        assert {zone["zone"] for zone in zones} >= {".", "com.", "org.", "slow.org."}
        survey = told(it, "geo", "survey", "--yes")
        assert survey["to_be_asked"] == 0
        assert {zone["zone"] for zone in survey["zones"]} == {"com.", "org."}
