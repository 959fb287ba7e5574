"""Without systemd: what contrib/ has for runit and OpenRC, run by them on a bare Debian."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.e2e import debian
from tests.e2e.daemon import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.debian import Machine

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

# The program where the recipes have it, of the package; its answers are made up.
BEGIN = """
exec 2>&1
dpkg -i /packages/*.deb >/dev/null
ln -s /usr/lib/resolver/current /opt/resolver
ip link set lo up
# Once it does: a busy machine takes its time to start it.
asked() {
  for _ in $(seq 30); do
    resolver query @127.0.0.1 --short www.example.com 2>/dev/null && return; sleep 1
  done
  return 1
}
owner() { awk '/^Uid/ {print $2 == '"$(id -u resolver)"'}' "/proc/$1/status"; }
wrong() { echo 'nonsense = 1' >>/etc/resolver/resolver.toml; }
right() { sed -i /nonsense/d /etc/resolver/resolver.toml; }
"""
RUNIT = """
mkdir -p /etc/sv /var/service
cp -r /contrib/runit /etc/sv/resolver; ln -s /etc/sv/resolver /var/service/
sed -i 's/ serve / serve --lab /' /etc/sv/resolver/run
export SVDIR=/var/service
runsvdir /var/service & sleep 6
echo == start; asked; owner "$(cat /var/service/resolver/supervise/pid)"
echo == killed; kill -9 "$(cat /var/service/resolver/supervise/pid)"; sleep 6; asked
echo == reload; sv hup resolver; sleep 2; grep -c 'reloaded: nothing' /var/log/resolver/current
echo == wrong; wrong; sv hup resolver; sleep 2; asked
sv restart resolver; sleep 4; sv status resolver | cut -d: -f1
echo == right; right; sv up resolver; sleep 4; asked
sv stop resolver | cut -d: -f2; resolver control status || true
"""
OPENRC = """
for kind in exclusive started starting stopping inactive wasinactive failed hotplugged daemons \
  options scheduled tmp; do mkdir -p /run/openrc/$kind; done
touch /run/openrc/softlevel
install -m755 /contrib/openrc/resolver /etc/init.d/
sed -i 's/"serve /"serve --lab /' /etc/init.d/resolver
child() { cat /run/openrc/options/resolver/child_pid; }
rc-update add resolver; rc-service resolver start; sleep 4
echo == start; asked; owner "$(child)"
echo == killed; kill -9 "$(child)"; sleep 6; asked
echo == reload; rc-service resolver reload; sleep 2
grep -c 'reloaded: nothing' /var/log/resolver.log
echo == wrong; wrong; rc-service resolver restart || echo "status $?"; asked
rc-service resolver stop; rc-service resolver start || echo "status $?"
echo == right; right; rc-service resolver start; sleep 4; asked
rc-service resolver stop; resolver control status || true
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    included = ("python3", "adduser", "passwd", "iproute2", "runit", "openrc")
    with debian.bare(tmp_path_factory.mktemp("debian"), *included) as top:
        yield top


@pytest.fixture
def machine(bare: Path, tmp_path: Path, packages: Path) -> Iterator[Machine]:
    with debian.machine(bare, tmp_path, packages) as made:
        yield made


def said(machine: Machine, script: str) -> dict[str, list[str]]:
    """The lines of each part of what *script* says."""
    shutil.copytree(PROJECT / "contrib", machine.root / "contrib")
    done = machine.run(BEGIN + script)
    assert done.returncode == 0, done.stdout
    parts = done.stdout.split("== ")[1:]
    return {lines[0]: lines[1:] for lines in (part.splitlines() for part in parts)}


ADDRESS = "192.0.2.80"


def test_runit(machine: Machine) -> None:
    """Started again when it dies, down when its configuration is wrong, its words in a file."""
    told = said(machine, RUNIT)
    assert told["start"] == [ADDRESS, "1"]
    assert told["killed"] == [ADDRESS]
    assert told["reload"] == ["1"]
    assert told["wrong"][0] == ADDRESS
    assert told["wrong"][-1] == "down"
    assert told["right"][0] == ADDRESS
    assert "no daemon has a control socket" in told["right"][-1]


def test_openrc(machine: Machine) -> None:
    """A wrong configuration is refused: what runs goes on at a restart, and nothing is begun."""
    told = said(machine, OPENRC)
    assert told["start"] == [ADDRESS, "1"]
    assert told["killed"] == [ADDRESS]
    assert told["reload"][-1] == "1"
    assert told["wrong"].count("status 1") == 2
    assert ADDRESS in told["wrong"]
    assert any("nonsense" in line for line in told["wrong"])
    assert ADDRESS in told["right"]
    assert "no daemon has a control socket" in told["right"][-1]
