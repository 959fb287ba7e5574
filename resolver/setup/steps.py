"""The steps of an installation, each with its opposite. What they say is all that --dry-run prints.

A step that is done already does nothing; one that was cut off is done again from its beginning.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from resolver.daemon.service_unit import UNIT
from resolver.limits import SETUP_PROVE_SECONDS, SETUP_START_SECONDS, SETUP_VERIFY_SECONDS
from resolver.setup import asking, program, resolv_conf
from resolver.setup.failures import SetupFailed
from resolver.setup.files import Kind, link_to, text_file
from resolver.setup.journal import UnitState
from resolver.setup.places import ACCOUNT, CONFIG, HOME, PLACES

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.setup.commands import Commands
    from resolver.setup.files import Files
    from resolver.setup.journal import Edit, Journal


@dataclass(slots=True)
class Box:
    """What the steps of one run share. *is_changed*: the service has to be started anew."""

    files: Files
    journal: Journal
    run: Commands
    tell: Callable[[str], None]
    is_changed: bool = False
    servers: list[str] = field(default_factory=list)  # those that have proven to answer

    def put_back(self, key: str, edit: Edit | None = None) -> None:
        """What was at the place *key*; what stays as it is is told."""
        left = self.journal.put_back(key, edit)
        if left:
            self.tell(left)


class Step(Protocol):
    """*say*: what it does, for people."""

    @property
    def say(self) -> str: ...

    def do(self, box: Box) -> None:
        """Raises SetupFailed, OSError."""

    def undo(self, box: Box) -> None:
        """Whatever `do` came to. Raises OSError."""


@dataclass(frozen=True, slots=True)
class Put:
    """A file or link at a place, made by *edit* from what is there; *after* has it read."""

    key: str
    edit: Edit
    say: str
    after: tuple[str, ...] = ()
    is_edit: bool = False  # the file is another's
    restarts: bool = False

    def do(self, box: Box) -> None:
        path, journal = PLACES[self.key].path, box.journal
        before = box.files.read(path)
        if self.is_edit and journal.is_in_place(self.key):
            return
        new = self.edit(before)
        if journal.remember(self.key, new):
            box.files.put(path, new)
            box.is_changed |= self.restarts
        self._have_it_read(box)  # also where a run was cut off in between

    def undo(self, box: Box) -> None:
        if not box.journal.holds(self.key):
            return
        box.put_back(self.key, self.edit if self.is_edit else None)
        self._have_it_read(box)

    def _have_it_read(self, box: Box) -> None:
        if self.after:
            box.files.pause(f"run {' '.join(self.after)}")
            ended = box.run(self.after)
            if not ended.is_good:
                box.tell(f"{' '.join(self.after)}: {ended.reason}")


@dataclass(frozen=True, slots=True)
class CopyProgram:
    """The program where the service can reach it."""

    say: str = f"copy the program to {HOME}, where the service's account can reach it"

    def do(self, box: Box) -> None:
        box.journal.book.copied = True
        box.journal.write()
        box.files.pause(f"copy to {HOME}")
        program.copy_out()
        box.is_changed = True

    def undo(self, box: Box) -> None:
        if box.journal.book.copied:
            program.remove_copy()
            box.journal.book.copied = False
            box.journal.write()


@dataclass(frozen=True, slots=True)
class MakeAccount:
    """An account of the service's own, which outlives an uninstallation: state belongs to it."""

    say: str = f"make the account {ACCOUNT}"

    def do(self, box: Box) -> None:
        path = PLACES["sysusers"].path
        ways = (
            ("systemd-sysusers", path),
            ("useradd", "--system", "--user-group", "--no-create-home", "--home-dir",
             "/var/lib/resolver", "--shell", _nologin(), "--comment", "DNS resolver", ACCOUNT),
            ("adduser", "-S", "-D", "-H", "-h", "/var/lib/resolver", "-s", _nologin(), ACCOUNT),
        )  # fmt: skip
        reasons = []
        for words in ways:
            box.files.pause(f"run {words[0]}")
            ended = box.run(words)
            if box.run(("getent", "passwd", ACCOUNT)).is_good:
                return
            reasons.append(f"{words[0]}: {ended.reason}")
        raise SetupFailed(f"the account {ACCOUNT} cannot be made ({'; '.join(reasons)})")

    def undo(self, box: Box) -> None:
        """It stays; `uninstall --purge` removes it."""


@dataclass(frozen=True, slots=True)
class WriteConfig:
    """A configuration where there is none; from then on it is the operator's, and stays."""

    text: str
    say: str = f"write {CONFIG}, for there is none"

    def do(self, box: Box) -> None:
        if box.files.read(CONFIG).kind is Kind.NOTHING:
            box.files.put(CONFIG, text_file(self.text))
            box.is_changed = True

    def undo(self, box: Box) -> None:
        """It stays; `uninstall --purge` removes it."""


@dataclass(frozen=True, slots=True)
class MakeState:
    """A directory for state, where no systemd makes it."""

    path: str

    @property
    def say(self) -> str:
        return f"make {self.path}, of the account {ACCOUNT}"

    def do(self, box: Box) -> None:
        box.files.pause(f"make {self.path}")
        ended = box.run(("install", "-d", "-m", "700", "-o", ACCOUNT, self.path))
        if not ended.is_good:
            raise SetupFailed(f"{self.path}: {ended.reason}")

    def undo(self, box: Box) -> None:
        """It stays; `uninstall --purge` removes it."""


@dataclass(frozen=True, slots=True)
class CheckConfig:
    """What the service would refuse is found before it is started."""

    command: str
    path: str

    @property
    def say(self) -> str:
        return f"check {self.path}"

    def do(self, box: Box) -> None:
        ended = box.run((*self.command.split(), "check", self.path))
        if not ended.is_good:
            raise SetupFailed((ended.err or ended.out).strip() or ended.reason)

    def undo(self, box: Box) -> None:
        """Nothing was changed."""


@dataclass(frozen=True, slots=True)
class StartService:
    """The unit enabled and running; what it was before is put back."""

    say: str = f"enable and start {UNIT}, now and at each boot"

    def do(self, box: Box) -> None:
        book, run = box.journal.book, box.run
        if book.unit is None:
            entry = book.places.get("unit")  # its file is in place by now
            is_new = entry is not None and entry.kind is Kind.NOTHING
            states = (not is_new and _is(run, verb) for verb in ("is-enabled", "is-active"))
            book.unit = UnitState(*states)
            box.journal.write()
        for verb in ("daemon-reload", f"enable --quiet {UNIT}"):
            box.files.pause(f"systemctl {verb}")
            ended = run(("systemctl", *verb.split()))
            if not ended.is_good:
                raise SetupFailed(f"systemctl {verb}: {ended.reason}")
        box.files.pause(f"start {UNIT}")
        verb = "restart" if box.is_changed else "start"
        ended = run(("systemctl", verb, UNIT), timeout_s=SETUP_START_SECONDS)
        if not ended.is_good:
            said = run(("journalctl", "-u", UNIT, "-n", "8", "--no-pager", "-o", "cat")).out
            raise SetupFailed(f"{UNIT} does not start: {ended.reason}\n{said}".rstrip())

    def undo(self, box: Box) -> None:
        was, run = box.journal.book.unit, box.run
        if was is None:
            return
        box.files.pause(f"stop {UNIT}")
        if not was.is_enabled:
            run(("systemctl", "disable", "--quiet", UNIT))
        if not was.is_active:
            run(("systemctl", "stop", UNIT), timeout_s=SETUP_START_SECONDS)
        box.journal.book.unit = None
        box.journal.write()


@dataclass(frozen=True, slots=True)
class ReloadManager:
    """systemd reads what units there are: after the service file came, or went."""

    say: str = "have systemd read its units again"

    def do(self, box: Box) -> None:
        """`StartService` does."""

    def undo(self, box: Box) -> None:
        box.run(("systemctl", "daemon-reload"))


@dataclass(frozen=True, slots=True)
class Prove:
    """Names resolve at our own address, or nothing is pointed at it."""

    servers: tuple[str, ...]
    name: str
    advice: str

    @property
    def say(self) -> str:
        where = " and ".join(self.servers)
        return f"resolve {self.name} at {where}; where that fails, go no further"

    def do(self, box: Box) -> None:
        first, *rest = self.servers
        reason = asking.why_not(first, self.name, SETUP_PROVE_SECONDS)
        if reason:
            raise SetupFailed(
                f"{first} does not resolve names yet ({reason}): /etc/resolv.conf was not touched; "
                f"{self.advice}, then come again"
            )
        box.servers = [first, *(one for one in rest if not asking.why_not(one, self.name, 1.0))]

    def undo(self, box: Box) -> None:
        """Nothing was changed."""


@dataclass(frozen=True, slots=True)
class PointHere:
    """/etc/resolv.conf, and a look whether names resolve; if not, all is put back by itself."""

    servers: tuple[str, ...]
    name: str
    what: str  # what is there now, in words
    fallback: str = ""

    @property
    def say(self) -> str:
        beside = f", and {self.fallback} where that is silent" if self.fallback else ""
        return (
            f"write /etc/resolv.conf: {', '.join(self.servers)}{beside} (it was {self.what}); if "
            f"`getent ahosts {self.name}` fails then, put everything back"
        )

    def do(self, box: Box) -> None:
        path = PLACES["resolv.conf"].path
        servers, before = box.servers or self.servers, box.files.followed(path)
        new = resolv_conf.ours(servers, before, self.fallback)
        if box.journal.remember("resolv.conf", new):
            box.files.put(path, new)
        box.files.pause("look whether names resolve")
        reason = asking.why_system_not(box.run, self.name, SETUP_VERIFY_SECONDS)
        if reason:
            raise SetupFailed(f"names did not resolve after the switch ({reason})")

    def undo(self, box: Box) -> None:
        box.put_back("resolv.conf")


def _is(run: Commands, verb: str) -> bool:
    return run(("systemctl", verb, "--quiet", UNIT)).is_good


def _nologin() -> str:
    for path in ("/usr/sbin/nologin", "/sbin/nologin"):
        if Path(path).exists():
            return path
    return "/bin/false"


@dataclass(frozen=True, slots=True)
class Link:
    """A link to a file of the program, where everybody looks for it."""

    key: str
    target: str

    @property
    def say(self) -> str:
        return f"link {PLACES[self.key].path} to {self.target}"

    def do(self, box: Box) -> None:
        if not Path(self.target).exists():
            return  # a source tree has no manual pages below its prefix
        new = link_to(self.target)
        try:
            if box.journal.remember(self.key, new):
                box.files.put(PLACES[self.key].path, new)
        except (SetupFailed, OSError) as error:  # a convenience: /usr may be read-only
            box.tell(f"no link {PLACES[self.key].path}: {error}")

    def undo(self, box: Box) -> None:
        if box.journal.holds(self.key):
            box.put_back(self.key)
