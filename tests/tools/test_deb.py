"""The Debian package: what can be seen of it without making it.

It is made, installed, upgraded and removed in tests/e2e/test_package_deb.py.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
DEBIAN = ROOT / "packaging" / "debian"
MAINTAINER = ("resolver.postinst", "resolver.prerm", "resolver.postrm")
SCRIPTS = (*(f"packaging/debian/{name}" for name in MAINTAINER), "tools/deb", "tools/image")


def unit() -> dict[str, list[str]]:
    """The packaged unit: key → its values."""
    done = subprocess.run(
        [ROOT / "tools" / "deb", "--unit"], stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        key, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def bundled() -> set[str]:
    """The libraries that packaging/versions.txt names."""
    text = (ROOT / "packaging" / "versions.txt").read_text("utf-8")
    return set(re.findall(r"^([a-z0-9.-]+)==\S+$", text, re.MULTILINE))


def needed() -> set[str]:
    """The libraries behind extra `service`, all the way, as they say themselves."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    todo, found = [*project["dependencies"], *extras["service"]], set()
    while todo:
        wanted = Requirement(todo.pop())
        if wanted.name == project["name"]:
            todo += [text for extra in wanted.extras for text in extras[extra]]
            continue
        for extra in {"", *wanted.extras}:
            if (wanted.name, extra) not in found:
                found.add((wanted.name, extra))
                markers = {text: Requirement(text).marker for text in _requires(wanted.name)}
                todo += [
                    text
                    for text, marker in markers.items()
                    if marker is None or marker.evaluate({"extra": extra})
                ]
    return {re.sub(r"[-_.]+", "-", name).lower() for name, _ in found}


def _requires(name: str) -> list[str]:
    return metadata.requires(name) or []


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_scripts_are_of_the_posix_shell(script: str) -> None:
    subprocess.run(["sh", "-n", ROOT / script], check=True)


def test_shellcheck_has_nothing_to_say() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("not installed: shellcheck")
    done = subprocess.run(
        ["shellcheck", "--shell=sh", *SCRIPTS], cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.stdout == ""


def test_the_unit_of_the_package_knows_its_places() -> None:
    """What runs, and where it is described; nothing of an installation in /opt is left."""
    found = unit()
    assert found["ExecStart"][0].startswith("/usr/lib/resolver/current/bin/resolver serve ")
    assert "file:/usr/share/doc/resolver/operations.md" in found["Documentation"][0].split()
    assert "/opt/" not in str(found)


def test_purge_takes_what_the_unit_makes() -> None:
    found, text = unit(), (DEBIAN / "resolver.postrm").read_text("utf-8")
    for key, place in (("StateDirectory", "lib"), ("LogsDirectory", "log")):
        assert found[key] == ["resolver"]
        assert re.search(rf"for place in [a-z ]*\b{place}\b", text)
    assert found["ConfigurationDirectory"] == ["resolver"]
    assert "/etc/resolver" in text


def test_every_library_is_held_to_a_version() -> None:
    """So that a package made again is the same; and nothing is held that is not used."""
    assert bundled() == needed()


def test_every_library_s_licence_is_told() -> None:
    """In the form of Debian's copyright files: by its folder, which has the metadata's name."""
    told = re.findall(
        r"site-packages/(\w+)-\*", (DEBIAN / "copyright").read_text("utf-8"), re.MULTILINE
    )
    assert {name.replace("_", "-").lower() for name in told} == bundled()


def test_nothing_is_started_by_the_package() -> None:
    """`resolver install` does that; what changes files is dpkg and the switch."""
    rules = (DEBIAN / "rules").read_text("utf-8")
    assert "dh_installsystemd --no-enable --no-start --no-stop-on-upgrade" in rules
    for name in MAINTAINER:
        text = (DEBIAN / name).read_text("utf-8")
        assert "systemctl" not in text
        assert not re.search(r">\s*/etc/resolv\.conf", text)
    assert "sudo resolver install" in (DEBIAN / "resolver.postinst").read_text("utf-8")


def test_what_is_built_is_what_the_container_has() -> None:
    """One list of extras, one of versions, for both."""
    for name in ("tools/deb", "Containerfile"):
        text = (ROOT / name).read_text("utf-8")
        assert "[service]" in text
        assert "--constraint packaging/versions.txt" in text
