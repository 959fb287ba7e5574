"""A process of its own, at a low priority: reads lists, writes the compiled file.

    python -m resolver.daemon.list_compiling < job > outcome

The daemon's own loop never sees a line of a list: it maps the file. A list whose newest text is no
list at all (HTML, binary, nonsense) is compiled from the text that was last good.
"""

from __future__ import annotations

import itertools
import os
import resource
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec

from resolver.daemon import child_life
from resolver.daemon.list_job import Compiled, CompileJob, ListPart
from resolver.errors import WireError
from resolver.limits import LIST_LINE_OCTETS, LIST_MEMORY_OCTETS, LIST_OCTETS
from resolver.policy.list_compile import Compiler
from resolver.policy.list_file import ListInfo
from resolver.policy.list_parse import cancelled_in

if TYPE_CHECKING:
    from collections.abc import Iterator

_AT_ONCE: Final = 1 << 20


def compiled(job: CompileJob) -> Compiled:
    """Compile all, and write it. Raises OSError."""
    outcome, compiler = Compiled(), Compiler(time.process_time)
    cancelled = frozenset(
        itertools.chain.from_iterable(cancelled_in(lines_of(_newest(part))) for part in job.lists)
    )
    for part in job.lists:
        _add(compiler, part, cancelled, outcome)
    octets = compiler.octets()
    info = compiler.info
    for one in info.lists:
        if one.report.bad:
            outcome.bad[one.ident] = [str(one.report.bad), *one.report.shown]
    outcome.names, outcome.left_out, outcome.octets = info.names, info.left_out, len(octets)
    with memoryview(octets) as view:
        at = 0
        while at < len(view):
            at += os.pwrite(job.out, view[at : at + _AT_ONCE], at)
    return outcome


def _newest(part: ListPart) -> int:
    return part.fresh if part.fresh >= 0 else part.kept


def _add(compiler: Compiler, part: ListPart, cancelled: frozenset[str], outcome: Compiled) -> None:
    trouble = ""
    for descriptor, digest in zip((part.fresh, part.kept), part.digests, strict=True):
        if descriptor < 0:
            continue
        info = ListInfo(part.ident, part.name, part.is_allow, digest, trouble=trouble)
        try:
            compiler.add(
                info, lines_of(descriptor), form=part.form, as_listed=part.as_listed,
                cancelled=cancelled,
            )  # fmt: skip
        except WireError as error:
            trouble = str(error)
        else:
            if descriptor == part.kept or not part.must_list or info.report.rules:
                return
            compiler.info.lists.pop()
            trouble = "it lists nothing"
        if descriptor == part.fresh:
            outcome.refused[part.ident] = trouble
    compiler.add_missing(ListInfo(part.ident, part.name, part.is_allow, trouble=trouble))


def lines_of(descriptor: int) -> Iterator[bytes]:
    """The lines of an open file from its start, of what is too long the beginning."""
    if descriptor < 0:
        return
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        is_middle, left = False, LIST_OCTETS
        while left > 0 and (line := file.readline(LIST_LINE_OCTETS + 2)):
            left -= len(line)
            was_middle, is_middle = is_middle, not line.endswith(b"\n")
            if not was_middle:
                yield line


def main() -> None:
    """The process: of low weight, the first to go where memory is short."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=CompileJob)
    child_life.begin(job.parent, job.weight)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (LIST_MEMORY_OCTETS, LIST_MEMORY_OCTETS))
    try:
        outcome = compiled(job)
    except OSError as error:
        outcome = Compiled(trouble=error.strerror or str(error))
    except MemoryError:
        outcome = Compiled(trouble="the lists are too large for the memory there is")
    outcome.cpu_s, outcome.peak_octets = child_life.spent()
    sys.stdout.buffer.write(msgspec.json.encode(outcome))


if __name__ == "__main__":
    main()
