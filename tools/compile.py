"""Optional: compile what a cache miss runs through with mypyc. Same sources, half the CPU per miss.

    python tools/compile.py [TREE]        compile in place, by default the tree this file is in
    python tools/compile.py --clean       remove what was compiled

Plain Python stays the reference: nothing imports what is made here by name, the interpreter merely
finds a shared object before the source. After a change to a source, compile again or clean, or the
change has no effect. Needs a C compiler, Python's headers, mypy (with mypyc) and setuptools.
Left out are modules that gain nothing or that mypyc cannot do: msgspec structures, descriptors'
subclasses, what runs once.
"""  # noqa: INP001  # a script

from __future__ import annotations

import argparse
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
    "cache/front",
    "cache/negative",
    "cache/packet_form",
    "cache/rrset",
    "iterate/addresses",
    "iterate/classify",
    "iterate/minimise",
    "iterate/scrub",
    "iterate/walk",
    "recurse/jobs",
    "recurse/memory",
    "recurse/resolver",
    "upstream/bucket",
    "upstream/exchange",
    "upstream/fallback",
    "upstream/filters",
    "upstream/flight",
    "upstream/infra",
    "upstream/pursuit",
    "upstream/query",
    "upstream/reach",
    "upstream/select",
    "upstream/timers",
    "listen/admission",
    "listen/udp",
    "reply",
    "pipeline",
    "model",
    "limits",
]
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
    """Compile MODULES of *tree* and put the shared objects beside their sources; what was made."""
    clean(tree)
    sources = [f"resolver/{module}.py" for module in MODULES]
    with tempfile.TemporaryDirectory(prefix="compile-") as name:
        work = Path(name)
        shutil.copytree(tree / "resolver", work / "resolver")
        if (tree / "pyproject.toml").exists():  # how mypy is to read the sources
            shutil.copy2(tree / "pyproject.toml", work)
        (work / "setup.py").write_text(_SETUP, "utf-8")
        command = [sys.executable, "setup.py", ",".join(sources), "build_ext", "--inplace"]
        run = subprocess.run(command, cwd=work, check=False, capture_output=True, text=True)  # noqa: S603
        if run.returncode:
            raise SystemExit(f"mypyc failed:\n{run.stdout[-4000:]}\n{run.stderr[-2000:]}")
        made = []
        for built in _shared_objects(work):
            target = tree / built.relative_to(work)
            shutil.copy2(built, target)
            made.append(target)
    return made


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
