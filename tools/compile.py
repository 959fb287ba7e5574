"""Compile the path of a query with mypyc: the same sources, for which no byte code is run.

    python -m tools.compile TREE            a copy of this tree in TREE, made anew, compiled
    python -m tools.compile --check TREE    is it? (Of an unpacked wheel, too.)

Wheels for one platform have what is made here (`make wheels`, by `tools/wheel_hook.py`); from TREE
the tests and benches run against it (`.ci/long`, `bench.throughput --compiled`). This tree is never
touched: sources and nothing else are what is worked on. Needs a C compiler, Python's headers, mypy
and setuptools, and two minutes.

MODULES are those that most queries meet, all in one library: a call between two of them is one
of C. Left out is what mypyc cannot do (classes of msgspec, subclasses of dict, OrderedDict and
Random), what is subclassed by interpreted classes (`policy.path`), what tests hand something else
than is annotated or change as they run (`iterate.observed`, `iterate.addresses`), and what runs
seldom.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from resolver.runtime.compiled import MANIFEST, digest
from tools.compiled_sources import prepared, redeclared

ROOT = Path(__file__).resolve().parents[1]
MODULES = (
    "budget",
    "cache/delegation",
    "cache/failure",
    "cache/negative",
    "delegation",
    "iterate/ask",
    "iterate/classify",
    "iterate/minimise",
    "iterate/scrub",
    "iterate/walk",
    "listen/admission",
    "listen/mmsg",
    "listen/pulses",
    "listen/udp",
    "listen/udp_socket",
    "model",
    "packets/cache",
    "packets/fast_path",
    "packets/form",
    "packets/shards",
    "pipeline",
    "policy/onward",
    "protocol/edns",
    "protocol/message",
    "protocol/names",
    "protocol/render",
    "protocol/shapes",
    "protocol/wire",
    "recurse/alias_chain",
    "recurse/at_hand",
    "recurse/early",
    "recurse/jobs",
    "recurse/kept_links",
    "recurse/known",
    "recurse/prefetch",
    "recurse/resolver",
    "recurse/warm",
    "reply",
    "runtime/fair_queue",
    "runtime/task_pool",
    "upstream/asked",
    "upstream/asker",
    "upstream/attempts",
    "upstream/bucket",
    "upstream/compose",
    "upstream/cut_actions",
    "upstream/cut_asking",
    "upstream/cut_query",
    "upstream/cut_replies",
    "upstream/cut_waiting",
    "upstream/dispatcher",
    "upstream/edns_fallback",
    "upstream/filters",
    "upstream/infra",
    "upstream/link_profile",
    "upstream/outstanding",
    "upstream/query",
    "upstream/query_form",
    "upstream/reachability",
    "upstream/request",
    "upstream/select",
    "upstream/server_state",
    "upstream/shared_knowledge",
    "upstream/speculate",
    "upstream/timers",
    "upstream/transmission",
    "upstream/udp",
    "upstream/udp_queries",
    "upstream/ways",
)
LIBRARY = "resolver__mypyc"
NEEDS = ("mypy>=2.4,<2.5", "setuptools>=65")  # to build a wheel with; mypyc is in mypy
# What must come up, by two ways: whatever is imported first, no module may lack another.
_ENTRANCES = ("resolver.daemon.run", "resolver.cli.serve", "resolver.library.doors")
_SETUP = """
import sys
from setuptools import setup
from mypyc.build import mypycify
options = ["--config-file=", "--ignore-missing-imports"]
options.append("--python-version=%d.%d" % sys.version_info[:2])
with open("modules") as modules:
    options += modules.read().split()
setup(
    name="resolver-compiled",
    packages=[],
    ext_modules=mypycify(
        options, opt_level="3", debug_level="0", multi_file=True, group_name="resolver"
    ),
)
"""
_NO_PART = (
    *(".git", ".venv*", "build", "dist", "out", "__pycache__", "*.so", ".hypothesis", ".*_cache"),
    *(".coverage*", "*.egg-info"),
)  # fmt: skip


def build(folder: Path, *, root: Path = ROOT) -> dict[str, Path]:
    """Compile MODULES of *root* in *folder*; what was made, by its place beside the package.

    Raises SystemExit, with what mypyc or the compiler said.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(
        root / "resolver", folder / "resolver", ignore=shutil.ignore_patterns(*_NO_PART)
    )
    paths = {module: folder / "resolver" / f"{module}.py" for module in MODULES}
    sources = {module: path.read_text("utf-8") for module, path in paths.items()}
    if found := redeclared(sources.values()):
        raise SystemExit(f"annotated in a base class as well: {', '.join(found)}")
    digests = {}
    for module, source in sources.items():
        digests[f"resolver.{module.replace('/', '.')}"] = digest(source.encode())
        paths[module].write_text(prepared(source), "utf-8")
    (folder / "setup.py").write_text(_SETUP, "utf-8")
    names = [f"resolver/{module}.py" for module in MODULES]
    (folder / "modules").write_text("\n".join(names), "utf-8")
    _run([sys.executable, "setup.py", "build_ext", "--inplace"], folder, "mypyc")
    manifest = folder / "resolver" / MANIFEST
    manifest.write_text(json.dumps(digests, indent=1) + "\n", "utf-8")
    suffix = str(sysconfig.get_config_var("EXT_SUFFIX"))
    made = [folder / f"{LIBRARY}{suffix}", manifest]
    made += [folder / "resolver" / f"{module}{suffix}" for module in MODULES]
    return {path.relative_to(folder).as_posix(): path for path in made}


def check(tree: Path) -> None:
    """Does the program in *tree* come up, each of its compiled modules loaded as such?

    Raises SystemExit if it does not.
    """
    for first in _ENTRANCES:
        code = (
            f"import {first}, resolver.daemon.run, resolver.cli.serve\n"
            "from resolver.runtime import compiled\n"
            "import importlib\n"
            "for name in compiled.manifest(): importlib.import_module(name)\n"
            "assert compiled.checked() == len(compiled.manifest()) > 0\n"
        )
        _run([sys.executable, "-P", "-c", code], tree, f"{first}, compiled,")


def _run(command: list[str], folder: Path, what: str) -> None:
    environment = os.environ | {"PYTHONPATH": str(folder), "MYPYPATH": "", "CFLAGS": "-g0"}
    run = subprocess.run(  # noqa: S603
        command, cwd=folder, check=False, capture_output=True, text=True, env=environment
    )
    if run.returncode:
        said = f"{run.stdout[-4000:]}\n{run.stderr[-2000:]}"
        raise SystemExit(f"{what} failed (status {run.returncode}):\n{said}")


def copy_compiled(tree: Path, *, root: Path = ROOT) -> None:
    """A copy of *root* in *tree*, in which the path of a query is compiled, and checked to be."""
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(root, tree, ignore=shutil.ignore_patterns(*_NO_PART), symlinks=True)
    with tempfile.TemporaryDirectory(prefix="compile-") as work:
        for place, path in build(Path(work) / "tree", root=root).items():
            shutil.copy2(path, tree / place)
    check(tree)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("tree", type=Path, help="the folder of the copy, made anew")
    parser.add_argument(
        "--check", action="store_true", help="TREE is a copy, or a wheel unpacked: is it compiled?"
    )
    options = parser.parse_args()
    tree = options.tree.resolve()
    if options.check:
        check(tree)
        return
    if (tree / ".git").exists() or tree in (ROOT, *ROOT.parents):
        parser.error(f"{tree} is no place for a copy")
    copy_compiled(tree)
    sys.stdout.write(f"{tree}: {len(MODULES)} modules compiled\n")


if __name__ == "__main__":
    main()
