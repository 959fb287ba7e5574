"""The container image: built without a network from a Debian of our own, run as its users do."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e import debian
from tests.e2e.daemon import PROJECT, require

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

BASE = "localhost/resolver-test-base"
IMAGE = "localhost/resolver:0.0.0"
LAB = ("serve", "--lab", "--config", "/etc/resolver/resolver.toml")
ADDRESS = "192.0.2.80\n"


@pytest.fixture(scope="module", autouse=True)
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What podman and buildah are told: limits that this process may pass on, and the runtime that
    takes every kind of control groups."""
    limits = (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC))
    most = [(name, min(4096, resource.getrlimit(which)[1])) for name, which in limits]
    told = ", ".join(f'"{name}={value}:{value}"' for name, value in most)
    file = tmp_path_factory.mktemp("engine") / "containers.conf"
    file.write_text(f'[containers]\ndefault_ulimits = [{told}]\n[engine]\nruntime = "runc"\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONTAINERS_CONF", str(file))
        patch.setenv("BUILDAH_RUNTIME", "runc")
        yield


def podman(*arguments: str | Path) -> str:
    done = subprocess.run(
        ["podman", *map(str, arguments)], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The image's name. Its base is a bare Debian; libraries come from a folder."""
    require("podman", "buildah", "runc", "mmdebstrap")
    folder = tmp_path_factory.mktemp("image")
    with debian.bare(folder / "debian", "python3", "python3-venv", "ca-certificates") as top:
        tar = folder / "base.tar"
        subprocess.run(["tar", "-cf", tar, "-C", top, "."], check=True)
    podman("import", tar, BASE)
    wheels = folder / "wheels"
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
         "--constraint", "packaging/versions.txt", "--dest", wheels, ".[service]", "hatchling"],
        cwd=PROJECT, check=True, timeout=300,
    )  # fmt: skip
    subprocess.run(
        [PROJECT / "tools" / "image", "--build-arg", f"BASE={BASE}", "--network", "none",
         "--volume", f"{wheels}:/wheels:ro",
         "--build-arg", "PIP_OPTIONS=--no-index --find-links /wheels"],
        env=os.environ | {"VERSION": "0.0.0"}, check=True, timeout=600,
    )  # fmt: skip
    yield IMAGE
    podman("rmi", "--force", IMAGE, "localhost/resolver:latest", BASE)


@pytest.fixture
def volume() -> Iterator[str]:
    name = podman("volume", "create").strip()
    yield name
    podman("volume", "rm", "--force", name)


class Container:
    """One that runs from a simulated Internet, with no right and nothing to write to but its
    volume."""

    def __init__(self, image: str, volume: str) -> None:
        self.id = podman(
            "run", "--detach", "--read-only", "--cap-drop", "all", "--network", "none",
            "--security-opt", "no-new-privileges", "--volume", f"{volume}:/var/lib/resolver",
            image, *LAB,
        ).strip()  # fmt: skip

    def ask(self) -> str:
        """Once it answers."""
        deadline = time.monotonic() + 30
        while True:
            done = subprocess.run(
                ["podman", "exec", self.id, "resolver", "query", "@127.0.0.1:5300", "--short",
                 "www.example.com"], capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode == 0 or time.monotonic() > deadline:
                return done.stdout + done.stderr

    def end(self) -> int:
        """Its exit status."""
        podman("stop", "--time", "10", self.id)
        status = int(podman("inspect", "--format", "{{.State.ExitCode}}", self.id))
        podman("rm", self.id)
        return status


def test_it_answers_without_any_right(image: str, volume: str) -> None:
    container = Container(image, volume)
    assert container.ask() == ADDRESS
    assert podman("exec", container.id, "id", "-u").strip() == "953"
    podman("healthcheck", "run", container.id)  # its status is the verdict
    assert podman("inspect", "--format", "{{.State.Health.Status}}", container.id) == "healthy\n"
    assert container.end() == 0


def test_what_it_knows_is_kept_in_the_volume(image: str, volume: str) -> None:
    """A new container of another version finds it."""
    for _ in range(2):
        container = Container(image, volume)
        assert container.ask() == ADDRESS
        time.sleep(3)
        assert container.end() == 0
    where = podman("volume", "inspect", "--format", "{{.Mountpoint}}", volume).strip()
    listed = subprocess.run(["find", where], capture_output=True, text=True, check=True).stdout
    assert "cache/store.sqlite\n" in listed
    assert ".bad" not in listed


def test_what_is_told_of_it(image: str) -> None:
    """Ports, volume, account and health check are the image's own."""
    (said,) = json.loads(podman("inspect", image))
    config = said["Config"]
    assert config["User"] == "953:953"
    assert set(config["ExposedPorts"]) == {"5300/tcp", "5300/udp"}
    assert set(config["Volumes"]) == {"/var/lib/resolver"}
    assert config["Entrypoint"] == ["resolver"]
    health = said.get("Healthcheck") or said["HealthCheck"]  # by podman's version
    assert health["Test"][:3] == ["CMD", "resolver", "query"]
