"""The wheel and the sdist, installed as their users do it: by pip and by pipx, from nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.daemon import PROJECT, require

ASKED = ("query", "--lab", "--short", "www.example.com")
ANSWER = "192.0.2.80\n"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", folder],
        cwd=PROJECT, check=True, capture_output=True,
    )  # fmt: skip
    return folder


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """What it prints; nothing of this tree is on its path."""
    variables = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=variables | environment,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_program_of_the_wheel_answers(dist: Path, tmp_path: Path) -> None:
    """With the libraries that are here: that nothing of the tree is missing in it."""
    (wheel,) = dist.glob("*.whl")
    target = tmp_path / "target"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--no-deps", "--no-index", "--root-user-action=ignore", "--target", target, wheel,
        cwd=tmp_path)  # fmt: skip
    where = "import resolver; print(resolver.__file__)"
    home = run(sys.executable, "-P", "-c", where, cwd=tmp_path, PYTHONPATH=str(target))
    assert Path(home.strip()).is_relative_to(target)
    asked = (sys.executable, "-P", "-m", "resolver", *ASKED)
    assert run(*asked, cwd=tmp_path, PYTHONPATH=str(target)) == ANSWER
    assert (target / "share" / "man" / "man8" / "resolver.8").is_file()


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("form", ["*.whl", "*.tar.gz"])
def test_a_clean_environment_gets_all_it_needs(dist: Path, tmp_path: Path, form: str) -> None:
    """Its libraries come from the index; the daemon's extras are there."""
    (package,) = dist.glob(form)
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, f"{package}[service]", cwd=tmp_path)
    program = tmp_path / "venv" / "bin" / "resolver"
    assert run(program, *ASKED, cwd=tmp_path) == ANSWER
    (tmp_path / "resolver.toml").write_text(
        '[server]\nlisten = ["https://127.0.0.87:8443", "quic://127.0.0.87:8853"]\n'
    )
    said = run(program, "check", "resolver.toml", cwd=tmp_path)
    assert "resolver.toml: ok" in said


@pytest.mark.long
@pytest.mark.timeout(600)
def test_pipx_installs_it(dist: Path, tmp_path: Path) -> None:
    require("pipx")
    (wheel,) = dist.glob("*.whl")
    places = {
        "PIPX_HOME": str(tmp_path / "home"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
        "PIPX_MAN_DIR": str(tmp_path / "man"),
    }
    run("pipx", "install", "--python", sys.executable, f"{wheel}[service]", cwd=tmp_path, **places)
    assert run(tmp_path / "bin" / "resolver", *ASKED, cwd=tmp_path) == ANSWER
