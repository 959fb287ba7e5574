"""resolver completion SHELL: the completion of this command line, as a shell reads it.

The files are made by `make share` and come with the program; see `tools/completion.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

# Below the package in a wheel, below the tree in a source tree.
FILES = {
    "bash": "share/bash-completion/completions/resolver",
    "zsh": "share/zsh/site-functions/_resolver",
    "fish": "share/fish/vendor_completions.d/resolver.fish",
}


def run(options: argparse.Namespace) -> int:
    sys.stdout.write(shipped(options.shell))
    return 0


def shipped(shell: str) -> str:
    """The text for *shell*, from a wheel or from a source tree."""
    package = Path(__file__).resolve().parents[1]
    inside = package / FILES[shell]
    path = inside if inside.is_file() else package.parent / FILES[shell]
    return path.read_text("utf-8")
