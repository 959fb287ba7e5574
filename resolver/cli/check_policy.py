"""What `check` finds in the files that policy is from: lines that say nothing, files that are none,
or that the account may not read whom the daemon becomes. It would go on without them, so it is
worth a line, and stops nobody.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from resolver.config.check_rpz import file_of, is_file
from resolver.config.files import working_path
from resolver.daemon import privileges
from resolver.daemon.list_compiling import lines_of
from resolver.daemon.list_terms import list_specs
from resolver.daemon.rpz_work import lines_of as zone_lines_of
from resolver.errors import WireError
from resolver.limits import LIST_OCTETS
from resolver.policy.list_compile import Compiler
from resolver.policy.list_file import ListInfo
from resolver.policy.rpz_read import read_untrusted
from resolver.policy.rpz_zone import PolicyZone
from resolver.protocol import names

if TYPE_CHECKING:
    import pwd
    from collections.abc import Iterator

    from resolver.config.schema import Config
    from resolver.config.schema_rpz import Rpz
    from resolver.daemon.list_terms import ListSpec

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


def policy_notes(config: Config) -> Iterator[str]:
    """One sentence for each file with faults. Files that cannot be read are `config.check`'s."""
    yield from _closed_files(config)
    for spec in list_specs(config):
        if spec.path is not None and spec.path.is_file():
            yield from _of_list(spec, spec.path)
    for entry in config.rpz:
        path = file_of(config, entry)
        if path is not None and path.is_file():
            yield from _of_zone(entry, path)


def _closed_files(config: Config) -> Iterator[str]:
    """Files that root can read, and the daemon cannot once it is no longer root."""
    user = privileges.user_of(config.server.user)
    account = privileges.account_of(user) if os.geteuid() == 0 and user else None
    if account is None:
        return
    python = Path(sys.executable).resolve()
    if (list_specs(config) or config.rpz) and not _may_read(python, account):
        yield (
            f"{python} cannot be run by {user}, who the daemon becomes: lists and policy zones are "
            "not compiled, so nothing of them counts"
        )
    for path in dict.fromkeys(_files(config)):
        if path.is_file() and not _may_read(path.resolve(), account):
            yield f"{path} cannot be read by {user}, who the daemon becomes"


def _files(config: Config) -> Iterator[Path]:
    """All that are read again and again."""
    local = config.local
    yield from (spec.path for spec in list_specs(config) if spec.path is not None)
    yield from (path for entry in config.rpz if (path := file_of(config, entry)) is not None)
    texts = [*local.hosts_files, *([local.leases_file] if local.leases_file else [])]
    texts += [entry.tsig for entry in config.rpz if entry.tsig and is_file(entry.tsig)]
    yield from (working_path(config, text) for text in texts)


def _may_read(path: Path, account: pwd.struct_passwd) -> bool:
    """By its mode, and those of the directories above it."""
    groups = os.getgrouplist(account.pw_name, account.pw_gid)

    def allows(one: Path, bit: int) -> bool:
        found = one.stat()
        shift = 6 if found.st_uid == account.pw_uid else 3 if found.st_gid in groups else 0
        return bool(found.st_mode >> shift & bit)

    return all(allows(one, os.X_OK) for one in path.parents) and allows(path, os.R_OK)


def _of_list(spec: ListSpec, path: Path) -> Iterator[str]:
    compiler = Compiler(time.process_time)
    info = ListInfo(spec.ident, str(path), spec.is_allow)
    try:
        descriptor = os.open(path, _FLAGS)
        try:
            if os.fstat(descriptor).st_size > LIST_OCTETS:
                raise WireError(f"it has more than {LIST_OCTETS} octets")
            lines = lines_of(descriptor)
            report = compiler.add(info, lines, form=spec.form, as_listed=spec.as_listed)
        finally:
            os.close(descriptor)
    except OSError:
        return
    except WireError as error:
        yield f"list {spec.name}: {path} is no list, so nothing of it counts: {error}"
        return
    if report.bad:
        yield f"list {spec.name}: {_so_many(report.bad, 'line')}: {'; '.join(report.shown)}"


def _of_zone(entry: Rpz, path: Path) -> Iterator[str]:
    zone = PolicyZone(names.from_text(entry.zone), entry.max_entries)
    try:
        with open(os.open(path, _FLAGS), "rb") as file:  # noqa: PTH123  # flags of its own
            read_untrusted(zone_lines_of(file), zone)
    except OSError:
        return
    except WireError as error:
        yield f"rpz {entry.zone}: {path} is no policy zone, so nothing of it counts: {error}"
        return
    report = zone.report
    if report.bad:
        shown = "; ".join(f"{path}, {one}" for one in report.shown)
        yield f"rpz {entry.zone}: {_so_many(report.bad, 'record')}: {shown}"
    if report.left_out:
        yield f"rpz {entry.zone}: {report.left_out} triggers are left out (max_entries)"


def _so_many(bad: int, what: str) -> str:
    return f"1 {what} says nothing" if bad == 1 else f"{bad} {what}s say nothing"
