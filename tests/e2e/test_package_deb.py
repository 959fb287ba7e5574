"""The Debian package on a bare Debian: installed, upgraded, removed, and what it leaves behind.

In a folder by chroot first, then booted with systemd as process 1, from a simulated Internet: a
running service, a changed unit, stores of other versions, versions that do not work.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.e2e import debian
from tests.e2e.daemon import require

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.debian import Machine

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]

N = "1.0.0"
ANSWER_SECONDS = 10.0  # after a restart: then an upgrade puts the version before back

# Answers are made up, so that no network is needed; the rest is the packaged unit.
LAB = """
mkdir -p /etc/systemd/system/resolver.service.d
cat >/etc/systemd/system/resolver.service.d/lab.conf <<'TEXT'
[Service]
ExecStart=
ExecStart=/usr/lib/resolver/current/bin/resolver serve --lab --config /etc/resolver/resolver.toml
TEXT
running() { readlink /usr/lib/resolver/current; systemctl show -p Description --value resolver; }
asked() { resolver query @127.0.0.1 --short www.example.com; }
"""
STARTED = (
    f"{LAB}\ndpkg -i /packages/resolver_{N}_test.deb\nsystemctl enable --now resolver\nasked\n"
)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package, as it is and as version N."""
    folder = tmp_path_factory.mktemp("packages")
    debian.derived(debian.built(folder, "0.9.9"), N)
    return folder


@pytest.fixture(scope="module")
def package(packages: Path) -> Path:
    """The one that was built."""
    (found,) = packages.glob("resolver_0.9.9_*.deb")
    return found


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with debian.bare(tmp_path_factory.mktemp("debian"), *debian.MACHINE) as top:
        yield top


@pytest.fixture
def machine(bare: Path, tmp_path: Path, packages: Path) -> Iterator[Machine]:
    require("systemd-nspawn", "script")
    with debian.machine(bare, tmp_path, packages) as made:
        yield made


# --- what is in it -------------------------------------------------------------------------------


def test_lintian_finds_nothing(package: Path) -> None:
    require("lintian")
    command = [
        "lintian",
        "--allow-root",
        "--fail-on=error,warning",
        "--tag-display-limit=0",
        str(package),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


def test_arm64_is_made_without_running_any_of_it(tmp_path: Path) -> None:
    """What is binary in it is for that machine; all else is the same."""
    (package,) = [debian.built(tmp_path, "0.9.9", "arm64")]
    listed = subprocess.run(
        ["dpkg-deb", "-c", str(package)], capture_output=True, text=True, check=True
    )
    libraries = re.findall(r"\S+\.so(?:\.\d+)*$", listed.stdout, re.MULTILINE)
    assert len(libraries) >= 5
    subprocess.run(["dpkg-deb", "-x", str(package), str(tmp_path / "x")], check=True)
    for name in libraries:
        head = (tmp_path / "x" / name).read_bytes()[:20]
        assert head[:4] == b"\x7fELF"
        assert int.from_bytes(head[18:20], "little") == 183, name  # EM_AARCH64


# --- installed and removed -----------------------------------------------------------------------


def contents(root: Path) -> dict[str, str]:
    """Each path below *root* → what it is; what dpkg writes for itself is left out."""
    skipped = ("run/", "var/lib/dpkg", "var/log", "var/cache", "packages", "proc", "tmp",
               "etc/passwd", "etc/group", "etc/shadow", "etc/gshadow", "etc/subuid", "etc/subgid",
               "var/lib/systemd/deb-systemd-helper")  # fmt: skip
    found = {}
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if name.startswith(skipped):
            continue
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = str(path.stat().st_size)
        else:
            found[name] = "folder"
    return found


def test_nothing_is_left_but_the_account(machine: Machine, package: Path) -> None:
    """Installed, upgraded, removed, purged; resolv.conf stays the same file all the time."""
    resolv_conf = machine.root / "etc/resolv.conf"

    def is_the_same() -> tuple[str, int, int]:
        return resolv_conf.read_text(), resolv_conf.stat().st_ino, resolv_conf.stat().st_mtime_ns

    before, file = contents(machine.root), is_the_same()
    steps = (
        f"dpkg -i /packages/{package.name}",
        "resolver --version; resolver query --lab --short www.example.com",
        f"dpkg -i /packages/resolver_{N}_test.deb",
        "dpkg -r resolver",
        f"dpkg -i /packages/{package.name}; dpkg -P resolver",
    )
    said = []
    for step in steps:
        done = machine.run(step)
        said.append(done.stdout)
        assert done.returncode == 0, done.stdout
        assert is_the_same() == file, step
        if step == "dpkg -r resolver":
            left = {name for name in contents(machine.root) if name not in before}
            assert left == {"etc/resolver", "etc/resolver/resolver.toml", "var/lib/resolver"}
    assert "sudo resolver install" in said[0]
    assert "sudo resolver install" not in said[2]
    assert said[1].split() == ["resolver", "0.9.9", "192.0.2.80"]
    assert contents(machine.root) == before
    assert "resolver:" in (machine.root / "etc/passwd").read_text()


# --- a running service ---------------------------------------------------------------------------


def took(said: str) -> float:
    """Seconds from the restart to the first answer, as the upgrade tells it."""
    (found,) = re.findall(r"resolves (\d+\.\d+) s after the restart", said)
    return float(found)


def changed_unit(text: str) -> str:
    return text.replace("Recursive DNS resolver", "The next unit")


UNITS = {"lib/systemd/system/resolver.service": changed_unit, "TREE/resolver.service": changed_unit}


def test_up_and_down_with_stores_of_the_other_version(machine: Machine, packages: Path) -> None:
    """N → N+1 with N's configuration, store and a changed unit, then back to N, whose store is of
    a later version by then: left alone, and the daemon resolves."""
    store = "TREE/lib/python3*/site-packages/resolver/cache/store_sqlite.py"
    newer = {store: lambda text: text.replace("FORMAT: Final = 2", "FORMAT: Final = 3")}
    debian.derived(packages / f"resolver_{N}_test.deb", "1.1.0", UNITS | newer)
    said = machine.booted(
        f"""{STARTED}
sed -i 's/^working_directory.*/& # changed by hand/' /etc/resolver/resolver.toml
sleep 2; asked; sleep 2; test -s /var/lib/resolver/cache/store.sqlite
echo == up; dpkg -i /packages/resolver_1.1.0_test.deb; running; asked; resolver --version
grep -c 'changed by hand' /etc/resolver/resolver.toml; sleep 3; ls /var/lib/resolver/cache
echo == down; dpkg -i --force-downgrade /packages/resolver_{N}_test.deb; running; asked
resolver --version; ls /var/lib/resolver/cache
journalctl -q -u resolver -o cat --no-pager | grep 'cache'
"""
    )
    _, up, down = re.split(r"^== .*$", said, flags=re.MULTILINE)
    assert "\n1.1.0\nThe next unit\n192.0.2.80\nresolver 1.1.0\n1\n" in up
    assert "store.sqlite.bad" in up  # the earlier form: set aside, and a new one begun
    assert f"\n{N}\nRecursive DNS resolver\n192.0.2.80\nresolver {N}\n" in down
    assert "it is of format 3, and this version reads 2" in down
    assert "store.sqlite" in down.split("resolver ")[-1]
    assert max(took(up), took(down)) < ANSWER_SECONDS


BROKEN = {
    "answers nothing but failures": (
        "TREE/lib/python3*/site-packages/resolver/recurse/resolver.py",
        lambda text: text + "\nResolver.resolve = None\n",
    ),
    "listens elsewhere": (
        "TREE/lib/python3*/site-packages/resolver/__main__.py",
        lambda text: text.replace(
            "def run() -> int:",
            "def run() -> int:\n"
            "    if 'serve' in sys.argv:\n"
            "        sys.argv.append('--listen=127.0.0.1:5399')\n",
        ),
    ),
    "does not start": (
        "TREE/lib/python3*/site-packages/resolver/__init__.py",
        lambda text: text + "\nraise RuntimeError\n",
    ),
    "hangs": (
        "TREE/bin/resolver",
        lambda text: text.replace("exec ", "case $1 in serve) sleep 600 ;; esac\nexec "),
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_version_that_does_not_resolve_is_taken_back(
    machine: Machine, packages: Path, fault: str
) -> None:
    """Within ten seconds and a restart, with the unit and the configuration from before; dpkg and
    apt know that it failed, and the next version is taken as ever."""
    path, edit = BROKEN[fault]
    conffile = {"etc/resolver/resolver.toml": lambda text: text + "# of the next version\n"}
    start = packages / f"resolver_{N}_test.deb"
    debian.derived(start, "1.2.0", {**UNITS, **conffile, path: edit})
    debian.derived(start, "1.3.0", UNITS)
    said = machine.booted(
        f"""{STARTED}
echo == bad; dpkg -i /packages/resolver_1.2.0_test.deb || echo "status $?"
running; asked; dpkg-query -W -f '${{db:Status-Status}}\\n' resolver
grep -c 'of the next version' /etc/resolver/resolver.toml || true
ls /etc/resolver
echo == good; dpkg -i /packages/resolver_1.3.0_test.deb; running; asked
dpkg-query -W -f '${{db:Status-Status}}\\n' resolver
systemctl restart resolver; asked
"""
    )
    _, bad, good = re.split(r"^== .*$", said, flags=re.MULTILINE)
    assert f"resolver {N} is back, and resolves" in bad
    assert "status 1\nprevious\nRecursive DNS resolver\n192.0.2.80\nhalf-configured\n0\n" in bad
    assert bad.split()[-2:] == ["resolver.toml", "resolver.toml.1.2.0"]
    assert "\n1.3.0\nThe next unit\n192.0.2.80\ninstalled\n" in good


def test_a_removal_waits_until_names_do_not_depend_on_it(machine: Machine) -> None:
    """Then it stops the service; a purge takes what the service kept."""
    said = machine.booted(
        f"""{STARTED}
echo nameserver 127.0.0.1 >/etc/resolv.conf
dpkg -r resolver || echo "status $?"
systemctl is-active resolver; asked
echo nameserver 192.0.2.53 >/etc/resolv.conf
dpkg -r resolver; systemctl is-active resolver || true; ls -d /var/lib/resolver
dpkg -P resolver; ls -d /var/lib/resolver /var/lib/private/resolver /usr/lib/resolver || true
"""
    )
    assert "point it elsewhere first" in said
    assert "status 1\nactive\n192.0.2.80\n" in said
    assert "\ninactive\n/var/lib/resolver\n" in said
    assert said.count("No such file or directory") == 3


def test_installed_upgraded_and_removed_with_the_machine_pointed_at_it(
    machine: Machine, packages: Path
) -> None:
    """`resolver install` takes the package's unit as it is; a removal has names go where they went
    before, to the octet."""
    debian.derived(packages / f"resolver_{N}_test.deb", "1.1.0", UNITS)
    said = machine.booted(
        f"""{LAB}
dpkg -i /packages/resolver_{N}_test.deb
systemd-run --quiet --unit former /usr/bin/resolver serve --lab --listen 127.0.0.2:53
printf '# theirs\\nnameserver 127.0.0.2\\n' >/etc/resolv.conf; cp -p /etc/resolv.conf /root/before
until resolver query @127.0.0.2 www.example.com >/dev/null; do sleep 1; done
resolver install --name www.example.com
systemctl is-enabled resolver; grep ^nameserver /etc/resolv.conf; getent hosts www.example.com
echo == up; dpkg -i /packages/resolver_1.1.0_test.deb; running; getent hosts www.example.com
systemctl show -p FragmentPath --value resolver
echo == gone; resolver uninstall --name www.example.com; dpkg -r resolver
cmp /etc/resolv.conf /root/before; ls -A /etc/systemd/system /usr/local/bin /var/lib
"""
    )
    _, up, gone = re.split(r"^== .*$", said, flags=re.MULTILINE)
    assert "enabled\nnameserver 127.0.0.1\n" in said
    assert "\n1.1.0\nThe next unit\n" in up
    assert up.rstrip().endswith("/lib/systemd/system/resolver.service")
    assert "resolver-install" not in gone
    assert "resolver.service\n" not in gone


def test_an_operator_goes_back_by_hand(machine: Machine, packages: Path) -> None:
    debian.derived(packages / f"resolver_{N}_test.deb", "1.1.0", UNITS)
    said = machine.booted(
        f"""{STARTED}
dpkg -i /packages/resolver_1.1.0_test.deb
echo == back; /usr/lib/resolver/switch back; running; asked; resolver --version
echo == forth; /usr/lib/resolver/switch take; running; asked
"""
    )
    _, back, forth = re.split(r"^== .*$", said, flags=re.MULTILINE)
    assert back.endswith(f"previous\nRecursive DNS resolver\n192.0.2.80\nresolver {N}\n")
    assert forth.endswith("1.1.0\nThe next unit\n192.0.2.80\n")


def test_piuparts_finds_nothing(package: Path, bare: Path) -> None:
    require("piuparts")
    command = [
        "piuparts",
        "--existing-chroot",
        str(bare),
        "--distribution",
        "bookworm",
        str(package),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout[-5000:]
