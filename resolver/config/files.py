"""Files that the configuration names: where they are, and whether they are what they should be."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from resolver.config.fault import Fault
from resolver.errors import Kind, unusable_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resolver.config.schema import Config


def working_path(config: Config, text: str) -> Path:
    """*text* as a path; relative ones begin at working_directory."""
    return Path(config.working_directory) / text


def unlike(key: str, text: str, path: Path, is_right: Callable[[Path], bool]) -> Iterator[Fault]:
    """That *path* is not what is wanted, if so. Never raises, even where we may not look."""
    is_file = is_right is Path.is_file
    wanted = "the path of a file that exists" if is_file else "a directory that exists"
    try:
        if is_right(path):
            return
        if path.exists():
            yield Fault(key, text, f"{wanted} (it is something else)")
        else:
            yield Fault(key, text, wanted, Kind.MISSING)
    except OSError as error:
        problem = unusable_file(key, text, wanted, error)
        yield Fault(key, text, problem.expected, problem.kind)


def can_be_read(path: Path) -> bool:
    """Is it a file that we may read? A pipe is not opened: that may take for ever."""
    with suppress(OSError):
        if path.is_file():
            with path.open("rb"):
                return True
    return False
