"""contrib/service: what can be seen of it without changing the machine.

What it calls (`resolver install`) is run in namespaces and in a container: tests/setup.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from resolver.setup.places import HOME
from tests.docs.pages import ROOT

SCRIPT = ROOT / "contrib" / "service"
UNIT = ROOT / "contrib" / "systemd" / "resolver.service"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SCRIPT), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_verb_it_says_what_it_would_do() -> None:
    ended = run()
    assert ended.returncode == 2
    assert "sudo contrib/service install" in ended.stdout
    assert "sudo contrib/service purge" in ended.stdout


def test_every_user_but_root_is_told_what_to_type() -> None:
    """As another user, so that nothing can happen."""
    if shutil.which("setpriv") is None or os.geteuid() != 0:
        pytest.skip("needs root, to be somebody else")
    command = ["setpriv", "--reuid=65534", "--clear-groups", "/bin/sh", "-s", "install"]
    text = SCRIPT.read_text("utf-8").replace('cd "$(dirname "$0")/.."', "cd /")
    ended = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "sudo contrib/service install" in ended.stderr


def test_script_program_and_unit_agree_on_where_it_lies() -> None:
    home = re.search(r"^home=(.*)$", SCRIPT.read_text("utf-8"), re.MULTILINE)
    assert home is not None
    assert home[1] == HOME
    unit = UNIT.read_text("utf-8")
    assert f"ExecStart={HOME}/bin/resolver serve" in unit
    assert f" file:{HOME}/share/doc/resolver/operations.md\n" in unit
    assert "$home/share/doc/resolver" in SCRIPT.read_text("utf-8")
