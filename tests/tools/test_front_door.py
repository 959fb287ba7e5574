"""`./serve` and `./test` from a machine that has nothing: the scripts run, the machine is made up.

PATH holds a few of the system's tools and our stand-ins; nothing is installed and nothing fetched.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ("tools/packages", "tools/environment.sh", "tools/seconds.sh")
SCRIPTS = ("serve", "test", ".ci/run", ".ci/long", *LIBRARIES)
TOOLS = ("sh", "cat", "cksum", "cp", "date", "dirname", "env", "grep", "mkdir", "rm", "sed")
OS_RELEASES = {
    "debian": "ID=debian\nVERSION_ID=12\n",
    "jammy": "ID=ubuntu\nID_LIKE=debian\nVERSION_ID=22.04\n",
    "fedora": "ID=fedora\nVERSION_ID=41\n",
    "other": "ID=plan9\n",
}
# Does what `serve` asks of an interpreter, and writes down the rest.
PYTHON = """#!/bin/sh
case "$*" in
  "-m venv --clear "*)
    mkdir -p "$4/bin" && for name in python lint-imports; do cp "$0" "$4/bin/$name"; done ;;
  "-m pip install "*) echo "$*" >>"$JOURNAL" ;;
  "-c import sys; print("*) echo 3.11 ;;
  "-m pytest "*) echo "$0${RESOLVER_LONG:+ with more examples} $*" >>"$JOURNAL" ;;
  "-m mypy") [ -z "${PYTHONDONTWRITEBYTECODE:-}" ] || exit 1 ;;
  "-P -m resolver "*) shift 3; echo "ran $*" ;;
esac
"""
# In the place of date: each time that it is looked at, so many seconds later.
CLOCK = """#!/bin/sh
now=$(($(cat "$JOURNAL.clock" 2>/dev/null || echo 1785000000) + LATER_S))
echo "$now" >"$JOURNAL.clock"
echo "$now"
"""


@dataclass(frozen=True)
class Machine:
    """A copy of the scripts, and a PATH that leads nowhere else."""

    tree: Path
    path: Path

    def has(self, program: str, text: str) -> None:
        """A stand-in; in the place of a link to one of the system's tools, never through it."""
        (self.path / program).unlink(missing_ok=True)
        (self.path / program).write_text(text)
        (self.path / program).chmod(0o755)

    def run(
        self, *command: str, system: str = "debian", **more: str
    ) -> subprocess.CompletedProcess[str]:
        """*more* variables of the environment."""
        release = self.tree / "os-release"
        release.write_text(OS_RELEASES[system])
        environment = {
            "PATH": str(self.path),
            "OS_RELEASE": str(release),
            "JOURNAL": str(self.tree / "journal"),
            **more,
        }
        return subprocess.run(
            command, cwd=self.tree, env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    def journal(self) -> list[str]:
        return (self.tree / "journal").read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    tree, path = tmp_path / "tree", tmp_path / "bin"
    path.mkdir()
    (tree / "tools").mkdir(parents=True)
    for name in ("serve", "test", "pyproject.toml", *LIBRARIES):
        shutil.copy2(ROOT / name, tree / name)
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None, f"no {tool}"
        (path / tool).symlink_to(found)
    made = Machine(tree, path)
    made.has("id", "#!/bin/sh\necho 1000\n")
    made.has("dpkg-query", "#!/bin/sh\nexit 1\n")
    made.has("rpm", "#!/bin/sh\nexit 1\n")
    return made


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_scripts_are_of_the_posix_shell(script: str) -> None:
    subprocess.run(["sh", "-n", ROOT / script], check=True)


@pytest.mark.parametrize("door", ["./serve", "./test"])
@pytest.mark.parametrize(
    ("system", "typed"),
    [
        ("debian", "sudo apt-get update && sudo apt-get install python3 python3-venv"),
        ("jammy", "sudo apt-get update && sudo apt-get install python3.11 python3.11-venv"),
        ("fedora", "sudo dnf install python3"),
        ("other", "PYTHON=/path/to/python3.11"),
    ],
)
def test_without_the_right_to_install_one_line_says_what_to_type(
    machine: Machine, door: str, system: str, typed: str
) -> None:
    done = machine.run(door, system=system)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert typed in line


@pytest.mark.parametrize("system", ["debian", "fedora"])
def test_npm_may_have_come_with_node(machine: Machine, system: str) -> None:
    """Its makers' package has npm in it, and conflicts with the distribution's."""
    asked = ("tools/packages", "missing", "browsers")
    assert "npm" in machine.run(*asked, system=system).stdout.split()
    machine.has("npm", "#!/bin/sh\n")
    assert "npm" not in machine.run(*asked, system=system).stdout.split()


def test_as_root_the_missing_is_installed(machine: Machine) -> None:
    """By dnf here, in whose place a script brings the interpreter."""
    machine.has("id", "#!/bin/sh\necho 0\n")
    machine.has("python-to-come", PYTHON)
    machine.has(
        "dnf",
        '#!/bin/sh\necho "dnf $*" >>"$JOURNAL"\n'
        f"cp {machine.path}/python-to-come {machine.path}/python3\n"
        f"echo '#!/bin/sh' >{machine.path}/rpm\n",
    )
    done = machine.run("./serve", system="fedora")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        0,
        "ran serve --listen 127.0.0.1:5300 --listen [::1]:5300",
    )
    assert machine.journal()[0] == "dnf install -y --setopt=install_weak_deps=False python3"


@pytest.mark.parametrize(
    ("options", "run"),
    [
        (["--lab"], "serve --listen 127.0.0.1:5300 --listen [::1]:5300 --lab"),
        (["--config", "my.toml"], "serve --config my.toml"),
        (["--listen=127.0.0.1:9"], "serve --listen=127.0.0.1:9"),
    ],
)
def test_serve_hands_its_options_on(machine: Machine, options: list[str], run: str) -> None:
    """And says itself where to listen only if they do not."""
    machine.has("python3", PYTHON)
    assert machine.run("./serve", *options).stdout.splitlines()[-1] == f"ran {run}"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0.0.0.0", "::"])  # noqa: S104
def test_a_port_that_is_taken_is_told_with_another(machine: Machine, host: str) -> None:
    """As a command line to copy; the daemon is started all the same: it waits for the port."""
    machine.has("python3", PYTHON)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as taken:
        taken.bind((host, 0))
        port = taken.getsockname()[1]
        done = machine.run("./serve", "--lab", PORT=str(port))
    assert f"PORT={port + 1} ./serve --lab" in done.stderr
    assert "Ask it" not in done.stdout
    assert f"ran serve --listen 127.0.0.1:{port} " in done.stdout
    done = machine.run("./serve", "--lab", PORT=str(port))
    assert "PORT=" not in done.stderr
    assert f"@127.0.0.1:{port} " in done.stdout


def test_a_port_that_is_no_number_is_the_daemon_s_to_tell(machine: Machine) -> None:
    machine.has("python3", PYTHON)
    done = machine.run("./serve", PORT="dns")
    assert "taken" not in done.stderr
    assert "ran serve --listen 127.0.0.1:dns " in done.stdout


def test_the_environment_is_set_up_once(machine: Machine) -> None:
    """A second start fetches nothing; a changed pyproject.toml, or tree that moved, does."""
    machine.has("python3", PYTHON)
    for _ in range(2):
        machine.run("./serve")
    assert len(machine.journal()) == 1
    with (machine.tree / "pyproject.toml").open("a") as project:
        project.write("# changed\n")
    machine.run("./serve")
    assert len(machine.journal()) == 2


@pytest.mark.parametrize(("each_s", "is_too_long"), [(40, False), (400, True)])
def test_the_seconds_of_each_part_are_told(
    machine: Machine, each_s: int, *, is_too_long: bool
) -> None:
    """And that all took longer than every change may wait for; nothing fails for that."""
    machine.has("python3", PYTHON)
    machine.has("date", CLOCK)
    done = machine.run("./test", LATER_S=str(each_s), PYTHONDONTWRITEBYTECODE="1")
    assert (done.returncode, done.stderr) == (0, "Setting up .venv ...\n")
    lines = done.stdout.splitlines()
    first = lines.index("Seconds, and of the processors:") + 1
    for part in ("environment", "style", "format", "types", "imports"):
        assert f"{each_s}\t0\t{part}" in lines[first:]
    total = next(line for line in lines if line.endswith("\tin all"))
    parts = lines.index(total) - first
    assert total == f"{each_s * parts}\t0\tin all"
    assert ("TOO LONG: it may take 30 minutes." in lines) is is_too_long


@pytest.mark.parametrize("options", [[], ["--long"]])
def test_each_python_runs_what_is_its_own(machine: Machine, options: list[str]) -> None:
    """All under ours; of the others the newest most of it, those between what touches them."""
    for program in ("python3", "python3.12", "python3.13"):
        machine.has(program, PYTHON)
    done = machine.run("./test", *options)
    assert (done.returncode, done.stderr) == (0, "Setting up .venv ...\n")
    ran = [line for line in machine.journal() if " -m pytest " in line]
    assert [line.split("/bin/")[0] for line in ran] == [".venv"] * 3 + [".venv-3.12", ".venv-3.13"]
    traced, in_namespaces, apart, between, newest = ran
    assert "-m not long and not netns and not alone --cov " in traced
    assert "-m netns and not long and not alone" in in_namespaces
    assert "-m not long and not heavy and not netns and not alone" in between
    assert "-m not long and not heavy and not netns and not alone" in newest
    if options:
        assert "-m long or alone and not long" in apart
        assert all("with more examples" in line for line in (traced, in_namespaces, apart))
        assert " tests/" not in between + newest
        assert "all quick tests under 3.12, all quick tests under 3.13" in done.stdout
    else:
        assert "-m alone and not long" in apart
        assert "with more examples" not in "".join(ran)
        assert " tests/runtime " in between
        assert " --ignore=tests/scenarios " in newest


def test_what_runs_under_a_python_between_is_there() -> None:
    """A path that is no more would fail there only, and where such a Python is."""
    text = (ROOT / "test").read_text("utf-8")
    named = re.findall(r"(?<![\w./])tests/[\w/.]+", text.partition("everywhere='")[2])
    assert len(named) > 15
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_an_unknown_option_of_test_is_told_the_known_ones(machine: Machine) -> None:
    done = machine.run("./test", "--quikc")
    assert done.returncode == 2
    assert "./test --install" in done.stdout
