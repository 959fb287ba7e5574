"""Install, uninstall and death between any two steps, on every layout of /etc/resolv.conf.

Real files, mounts, processes and look-ups, in namespaces of the test's own (`in_namespace`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.setup.layouts import LAYOUTS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(
        os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare"
    ),
]


def stories(folder: Path, *, deaths: bool, names: list[str]) -> str:
    folder.chmod(0o755)
    ended = subprocess.run(
        ["unshare", "-m", "-n", sys.executable, "-m", "tests.setup.in_namespace", folder, *names],
        capture_output=True, text=True, check=False, timeout=900,
        env=os.environ | ({"DEATHS": "1"} if deaths else {}),
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr[-2000:]
    return ended.stdout


def test_there_and_back_on_every_layout(tmp_path: Path) -> None:
    """Twice each way; programs get names at every moment, and all octets are back."""
    stories(tmp_path, deaths=False, names=[each.name for each in LAYOUTS])


def test_death_between_any_two_steps(tmp_path: Path) -> None:
    said = stories(tmp_path, deaths=True, names=["NetworkManager"])
    assert int(said.split()[0]) > 30


@pytest.mark.long
@pytest.mark.timeout(1000)
def test_death_between_any_two_steps_on_every_layout(tmp_path: Path) -> None:
    said = stories(tmp_path, deaths=True, names=[each.name for each in LAYOUTS])
    assert int(said.split()[0]) > 30 * len(LAYOUTS)
