"""`python -m tools.versions`: which versions of the libraries packages bring (make versions).

The newest that pyproject.toml allows, of what extra `service` needs, as pip finds them now. They
are committed (packaging/versions.txt), so that a package made twice is the same.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "packaging" / "versions.txt"
HEAD = "# What packages bring, and no others: `make versions` looks for newer ones.\n"


def text(report: str) -> str:
    """The file for pip's installation *report*, a JSON text."""
    found = {
        one["metadata"]["name"].lower().replace("_", "-"): one["metadata"]["version"]
        for one in json.loads(report)["install"]
    }
    found.pop("resolver", None)
    return HEAD + "".join(f"{name}=={version}\n" for name, version in sorted(found.items()))


def report() -> str:
    """What pip would install into an empty environment."""
    command = [
        *(sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"),
        *("--disable-pip-version-check", "--report", "-", ".[service]"),
    ]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    return done.stdout


if __name__ == "__main__":
    FILE.write_text(text(report()), "utf-8")
