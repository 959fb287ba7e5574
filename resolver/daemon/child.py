"""A process of our own for work that the loop must not see: a job in, an outcome out, as JSON."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
import trio

from resolver.daemon.child_life import LOWEST
from resolver.errors import ResolverError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Awaitable, Callable, Iterable

    Run = Callable[..., Awaitable[subprocess.CompletedProcess[bytes]]]

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
    comes_last: bool = False,
) -> T:
    """Run *module* on *job*, octets or what JSON is to be made of; what it says, a *kind*. Raises
    ChildFailed, with *words* for what the process is for.

    *comes_last*: at the lowest priority from its first moment, not only once it has loaded itself.
    """
    octets = job if isinstance(job, bytes) else msgspec.json.encode(job)
    run = partial(
        trio.run_process, [sys.executable, "-m", module], stdin=octets, capture_stdout=True,
        capture_stderr=True, check=False, pass_fds=tuple(descriptors), env=environment(),
    )  # fmt: skip
    try:
        with trio.fail_after(seconds):
            ended = await (_ended_last(run) if comes_last else run())
        return msgspec.json.decode(ended.stdout, type=kind)
    except trio.TooSlowError:
        raise ChildFailed(f"the process that {words[1]} it was stopped: it took too long") from None
    except OSError as error:
        why = f"{sys.executable}: {error.strerror or error}"
        raise ChildFailed(f"no process to {words[0]} it ({why})") from None
    except msgspec.DecodeError:
        said = ended.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        why = said or f"status {ended.returncode}"
        raise ChildFailed(f"the process that {words[1]} it failed ({why})") from None


async def _ended_last(run: Run) -> subprocess.CompletedProcess[bytes]:
    """What *run* comes to. Raises OSError."""
    ended: list[subprocess.CompletedProcess[bytes]] = []
    trouble: OSError | None = None

    async def whole(task_status: trio.TaskStatus[trio.Process]) -> None:
        ended.append(await run(task_status=task_status))

    async with trio.open_nursery() as nursery:
        try:
            process = await nursery.start(whole)
            with suppress(OSError):  # it is gone, or the service may not (systemd's @resources)
                os.setpriority(os.PRIO_PROCESS, process.pid, LOWEST)
        except OSError as error:
            trouble = error
    if trouble is not None:
        raise trouble
    return ended[0]
