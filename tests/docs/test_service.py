"""contrib/service: what can be seen of it without changing the machine.

The whole of it (install, install again, remove, purge, a wrong configuration) was run by hand
in a container with systemd as process 1.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

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


def test_the_unit_runs_and_documents_what_the_script_installs() -> None:
    home = re.search(r"^home=(.*)$", SCRIPT.read_text("utf-8"), re.MULTILINE)
    assert home is not None
    unit = UNIT.read_text("utf-8")
    assert f"ExecStart={home[1]}/bin/resolver serve" in unit
    assert f" file:{home[1]}/share/doc/resolver/operations.md\n" in unit
    assert "$home/share/doc/resolver" in SCRIPT.read_text("utf-8")


def test_an_upgrade_leaves_the_configuration() -> None:
    """It is written where there is none, and nowhere else."""
    lines = SCRIPT.read_text("utf-8").splitlines()
    writes = [line.strip() for line in lines if '"$config"' in line and "install " in line]
    assert writes == ['[ -e "$config" ] || install -Dm644 contrib/resolver.toml "$config"']
