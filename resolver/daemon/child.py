"""A process of our own for work that the loop must not see: a job in, an outcome out, as JSON."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
import trio

from resolver.errors import ResolverError

if TYPE_CHECKING:
    from collections.abc import Iterable

_PACKAGE: Final = str(Path(__file__).resolve().parents[2])
T = TypeVar("T")


class ChildFailed(ResolverError):
    """There is no outcome; the sentence says why."""


def environment() -> dict[str, str]:
    """What a process of ours finds this package by; it has nothing to tell a service manager."""
    paths = [_PACKAGE, *filter(None, [os.environ.get("PYTHONPATH")])]
    found = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    found.pop("NOTIFY_SOCKET", None)
    return found


async def ask_child(
    module: str,
    job: object,
    kind: type[T],
    *,
    seconds: float,
    descriptors: Iterable[int] = (),
    words: tuple[str, str] = ("do", "does"),
) -> T:
    """Run *module* on *job*; what it says, a *kind*. Raises ChildFailed, with *words* for what the
    process is for."""
    try:
        with trio.fail_after(seconds):
            ended = await trio.run_process(
                [sys.executable, "-m", module],
                stdin=msgspec.json.encode(job),
                capture_stdout=True,
                capture_stderr=True,
                check=False,
                pass_fds=tuple(descriptors),
                env=environment(),
            )
        return msgspec.json.decode(ended.stdout, type=kind)
    except trio.TooSlowError:
        raise ChildFailed(f"the process that {words[1]} it was stopped: it took too long") from None
    except OSError as error:
        raise ChildFailed(f"no process to {words[0]} it ({error.strerror or error})") from None
    except msgspec.DecodeError:
        said = ended.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        why = said or f"status {ended.returncode}"
        raise ChildFailed(f"the process that {words[1]} it failed ({why})") from None
