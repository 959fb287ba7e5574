"""Which program the service runs: the one that was called, or a copy of it that the service can
reach.

What pip, pipx or a virtual environment has put into somebody's home is out of the service's sight:
its account may not enter /root, and the unit shows it no home at all. Then the program copies
itself: a virtual environment of the same Python in `places.HOME`, and into it the distributions
that it is made of, as their records list them.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import stat
import sys
import venv
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import resolver
from resolver.setup.failures import SetupFailed
from resolver.setup.places import HOME

if TYPE_CHECKING:
    from collections.abc import Iterator

# The unit's ProtectHome= and PrivateTmp= hide these.
_HIDDEN: Final = ("/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/")  # noqa: S108
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_ENTERABLE: Final = stat.S_IXOTH
_SCRIPT: Final = """#!{home}/bin/python -I
import sys

from resolver.__main__ import run

sys.exit(run())
"""


class Program(NamedTuple):
    """*command* is what the unit starts; *copies*: a copy has to be made first.

    *prefix* is below which manual pages and completion lie. *refusal*: why there is none.
    """

    command: str
    prefix: str
    copies: bool = False
    refusal: str = ""


def program() -> Program:
    """That of this process."""
    needed = {sys.prefix, sys.base_prefix, str(_package()), os.path.realpath(sys.executable)}
    base = os.path.realpath(sys.executable)
    hidden = sorted(path for path in needed if not is_reachable(path))
    script = os.path.join(sys.prefix, "bin", "resolver")
    if not hidden and os.access(script, os.X_OK):
        return Program(script, sys.prefix)
    if not hidden:
        return Program(f"{sys.executable} -m resolver", sys.prefix)
    if not is_reachable(base) or not is_reachable(sys.base_prefix):
        return Program("", sys.prefix, refusal=_NO_PYTHON.format(base))
    return Program(f"{HOME}/bin/resolver", HOME, copies=True)


def is_reachable(path: str) -> bool:
    """True if every account can enter all directories down to *path*, and the unit shows them."""
    for one in {path, os.path.realpath(path)}:
        if one.startswith(_HIDDEN):
            return False
        for folder in Path(one).parents:
            try:
                if not folder.stat().st_mode & _ENTERABLE:
                    return False
            except OSError:
                return False
    return True


def _package() -> Path:
    return Path(resolver.__file__).resolve().parent


def copy_out() -> None:
    """A copy in `places.HOME`, in the place of an older one. Raises SetupFailed, OSError."""
    beside, old = Path(HOME + ".new"), Path(HOME + ".old")
    for each in (beside, old):
        shutil.rmtree(each, ignore_errors=True)
    beside.parent.mkdir(parents=True, exist_ok=True)
    venv.create(beside, symlinks=True, with_pip=False)
    # `python3 -m venv` says where Python is by the name under which it was called.
    site = next(beside.glob("lib/python3*/site-packages"), None)
    if site is None:
        raise SetupFailed(f"{beside}: Python made no virtual environment there")
    _copy_tree(_package(), site / "resolver")
    for source, target in _files(site):
        target.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            shutil.copy2(source, target)
    script = beside / "bin" / "resolver"
    script.write_text(_SCRIPT.format(home=HOME), "utf-8")
    script.chmod(0o755)
    _open_to_all(beside)
    if Path(HOME).exists():
        Path(HOME).rename(old)
    beside.rename(HOME)
    shutil.rmtree(old, ignore_errors=True)


def remove_copy() -> None:
    """What `copy_out` made."""
    for each in (HOME, HOME + ".new", HOME + ".old"):
        shutil.rmtree(each, ignore_errors=True)


def _copy_tree(source: Path, target: Path) -> None:
    skipped = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source, target, ignore=skipped, dirs_exist_ok=True)
    tree = source.parent  # a source tree has beside the package what a wheel has in it
    for compiled in tree.glob("resolver__mypyc*.so"):
        shutil.copy2(compiled, target.parent)
    for inside, outside in _SHIPPED:
        if not (target / inside).exists() and (tree / outside).exists():
            (target / inside).parent.mkdir(parents=True, exist_ok=True)
            if (tree / outside).is_dir():
                shutil.copytree(tree / outside, target / inside)
            else:
                shutil.copy2(tree / outside, target / inside)


# As `force-include` of pyproject.toml has them.
_SHIPPED: Final = (
    ("root.hints", "root.hints"),
    ("share/bash-completion", "share/bash-completion"),
    ("share/zsh", "share/zsh"),
    ("share/fish", "share/fish"),
    ("share/systemd", "contrib/systemd"),
    ("share/resolver.toml", "contrib/resolver.toml"),
)


def _files(site: Path) -> Iterator[tuple[Path, Path]]:
    """(what, whereto) of all distributions that the program is made of, extras that are there."""
    for found in _distributions("resolver", set()):
        root = Path(str(found.locate_file(""))).resolve()
        for file in found.files or ():
            where = Path(os.path.normpath(root / file))
            if where.is_relative_to(root):
                if where.suffix != ".pyc" and not where.name.endswith(".pth"):
                    yield where, site / where.relative_to(root)
            elif "share" in file.parts:
                below = Path(*file.parts[file.parts.index("share") :])
                yield where, site.parents[2] / below


def _distributions(name: str, seen: set[str]) -> Iterator[importlib.metadata.Distribution]:
    """*name* and all that it requires and that is installed; of our extras all but the tests'."""
    key = name.lower().replace("_", "-").replace(".", "-")
    if key in seen:
        return
    seen.add(key)
    try:
        found = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return
    yield found
    for requirement in found.requires or ():
        named, _, extra = requirement.partition("extra ==")
        is_wanted = not extra or (name == "resolver" and "test" not in extra)
        word = _NAME.match(named)
        if word and is_wanted:
            yield from _distributions(word[0], seen)


def _open_to_all(top: Path) -> None:
    """Readable by every account, whatever the umask was."""
    for folder, folders, files in os.walk(top):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                mode = stat.S_IMODE(os.stat(path).st_mode)
                os.chmod(path, mode | 0o444 | (0o111 if mode & 0o100 else 0))
    top.chmod(0o755)


_NO_PYTHON: Final = (
    "Python itself is {}, where the service's account cannot reach it: install the resolver with "
    "the Python of the system (/usr/bin/python3), for instance by contrib/service"
)
