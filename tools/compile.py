"""Optional: compile what a cache miss runs through with mypyc. Same sources, half the CPU per miss.

    python tools/compile.py [TREE]        compile in place, by default the tree this file is in
    python tools/compile.py --clean       remove what was compiled

Plain Python stays the reference: nothing imports what is made here by name, the interpreter merely
finds a shared object before the source. After a change to a source, compile again or clean, or the
change has no effect. Needs a C compiler, Python's headers, mypy (with mypyc) and setuptools.
Left out are modules that gain nothing or that mypyc cannot do: msgspec structures, descriptors'
subclasses, what runs once.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULES = [
    "protocol/edns",
    "protocol/message",
    "protocol/names",
    "protocol/render",
    "protocol/shapes",
    "protocol/wire",
    "cache/delegation",
    "cache/failure",
    "packets/fast_path",
    "cache/negative",
    "packets/form",
    "iterate/addresses",
    "iterate/classify",
    "iterate/minimise",
    "iterate/scrub",
    "iterate/walk",
    "recurse/alias_chain",
    "recurse/jobs",
    "recurse/known",
    "recurse/resolver",
    "upstream/bucket",
    "upstream/dispatcher",
    "upstream/edns_fallback",
    "upstream/filters",
    "upstream/outstanding",
    "upstream/infra",
    "upstream/cut_query",
    "upstream/query",
    "upstream/reachability",
    "upstream/select",
    "upstream/timers",
    "listen/admission",
    "listen/udp",
    "reply",
    "pipeline",
    "budget",
    "model",
]
# What must come up with them.
DAEMON = "resolver.daemon.run"
_FUTURE = "from __future__ import annotations\n"
_SETUP = """
import sys
from setuptools import setup
from mypyc.build import mypycify
modules = sys.argv.pop(1).split(",")
options = ["--ignore-missing-imports", "--python-version=%d.%d" % sys.version_info[:2], *modules]
setup(
    name="resolver-compiled",
    packages=[],
    ext_modules=mypycify(options, opt_level="3", group_name="resolver"),
)
"""


def compile_tree(tree: Path) -> list[Path]:
    """Compile MODULES of *tree* and put the shared objects beside their sources; what was made.

    A module that does not come up when compiled is left out, and the others are made anew: a class
    compiled in one place and interpreted in another would be two classes.
    """
    clean(tree)
    modules = list(MODULES)
    while True:
        with tempfile.TemporaryDirectory(prefix="compile-") as name:
            work = Path(name)
            _build(tree, work, modules)
            at_fault = _fails_to_import(work)
            if at_fault is None:
                return _install(work, tree)
        sys.stdout.write(f"left out, it does not come up compiled: {at_fault}\n")
        modules.remove(at_fault)


def _build(tree: Path, work: Path, modules: list[str]) -> None:
    sources = [f"resolver/{module}.py" for module in modules]
    shutil.copytree(tree / "resolver", work / "resolver")
    for source in sources:
        _name_types(work / source)
    if (tree / "pyproject.toml").exists():  # how mypy is to read the sources
        shutil.copy2(tree / "pyproject.toml", work)
    (work / "setup.py").write_text(_SETUP, "utf-8")
    command = [sys.executable, "setup.py", ",".join(sources), "build_ext", "--inplace"]
    run = subprocess.run(command, cwd=work, check=False, capture_output=True, text=True)  # noqa: S603
    if run.returncode:
        raise SystemExit(f"mypyc failed:\n{run.stdout[-4000:]}\n{run.stderr[-2000:]}")


def _fails_to_import(work: Path) -> str | None:
    """The compiled module at which importing the daemon fails, None if it does not."""
    command = [sys.executable, "-P", "-c", f"import {DAEMON}"]
    environment = os.environ | {"PYTHONPATH": str(work)}
    run = subprocess.run(  # noqa: S603
        command, cwd=work, check=False, capture_output=True, text=True, env=environment
    )
    if run.returncode == 0:
        return None
    found = re.findall(r'File "resolver/([a-z0-9_/]+)\.py"', run.stderr)
    if not found:
        raise SystemExit(f"the compiled tree does not come up:\n{run.stderr[-2000:]}")
    return str(found[-1])


def _install(work: Path, tree: Path) -> list[Path]:
    made = []
    for built in _shared_objects(work):
        target = tree / built.relative_to(work)
        shutil.copy2(built, target)
        made.append(target)
    return made


def _name_types(source: Path) -> None:
    """Give names that only type checkers see a stand-in: mypyc looks annotations of fields up."""
    text = source.read_text("utf-8")
    names = sorted(
        alias.asname or alias.name
        for block in ast.parse(text).body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    )
    if names:
        stand_in = f"for _name in {names!r}:\n    setattr(_sys.modules[__name__], _name, object)\n"
        text = text.replace(_FUTURE, f"{_FUTURE}import sys as _sys\n{stand_in}", 1)
        source.write_text(text, "utf-8")


def clean(tree: Path) -> None:
    """Back to plain Python."""
    for built in _shared_objects(tree):
        built.unlink()


def _shared_objects(tree: Path) -> list[Path]:
    suffix = str(sysconfig.get_config_var("EXT_SUFFIX"))
    return [*tree.glob(f"*__mypyc{suffix}"), *(tree / "resolver").rglob(f"*{suffix}")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("tree", nargs="?", type=Path, default=ROOT)
    parser.add_argument("--clean", action="store_true", help="remove what was compiled")
    options = parser.parse_args()
    if options.clean:
        clean(options.tree)
    else:
        sys.stdout.write(f"{len(compile_tree(options.tree.resolve()))} files compiled\n")


if __name__ == "__main__":
    main()
