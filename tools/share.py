"""`python -m tools.share`: what is installed beside the program (make share).

Manual pages and shell completion below share/, at the paths that they have below an installation's
prefix. They are committed, so that building a wheel needs nothing but hatchling, and a test holds
that they are fresh.
"""

from __future__ import annotations

import sys
from pathlib import Path

from resolver.cli import completion, parser
from tools import completion as completions
from tools import manual

ROOT = Path(__file__).resolve().parents[1]


def files() -> dict[str, str]:
    """Path below the tree → text."""
    made = {
        "share/man/man8/resolver.8": manual.resolver_8(),
        "share/man/man5/resolver.toml.5": manual.resolver_toml_5(),
    }
    for shell, path in completion.FILES.items():
        made[path] = completions.text(parser.parser(), shell)
    return made


def write() -> None:
    for path, text in files().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, "utf-8")


if __name__ == "__main__":
    write()
    sys.exit(0)
