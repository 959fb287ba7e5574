"""An installation, its opposite, and what there is of it: looking, planning, doing, in that order.

Where a step of the switch fails, the switch is undone at once: /etc/resolv.conf first. The service
itself stays, so that one can see what is wrong with it.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from resolver.daemon.service_unit import UNIT
from resolver.limits import SETUP_VERIFY_SECONDS
from resolver.setup import asking, commands, journal, looking, resolv_conf
from resolver.setup.failures import SetupFailed
from resolver.setup.files import Files, Kind
from resolver.setup.journal import Journal, is_ours
from resolver.setup.owners import owner_of
from resolver.setup.places import ACCOUNT, CONFIG, HOME, PLACES, STATE_FOLDERS
from resolver.setup.plan import Plan, all_of_it, plan
from resolver.setup.steps import Box, Prove, StartService

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.setup.commands import Commands
    from resolver.setup.plan import Wishes
    from resolver.setup.steps import Step

_RESOLV_CONF = PLACES["resolv.conf"].path


class Setup:
    """One machine. *tell* gets a line for people at a time."""

    def __init__(
        self, tell: Callable[[str], None], files: Files | None = None, run: Commands = commands.run
    ) -> None:
        self._tell = tell
        self._files = files or Files()
        self._journal = Journal(self._files)
        self._box = Box(self._files, self._journal, run, tell)

    # --- there -------------------------------------------------------------------------------

    def planned(self, wishes: Wishes) -> Plan:
        """What an installation would do. Raises SetupFailed."""
        return plan(looking.facts(self._files, self._box.run), wishes)

    def install(self, wishes: Wishes) -> None:
        """All steps. Raises SetupFailed: then names resolve as they did before."""
        needs_root()
        with self._journal.opened():
            made = self.planned(wishes)
            if made.refusals:
                raise SetupFailed("\n".join(made.refusals))
            service, switch = divided(made.steps)
            for step in service:
                self._do(step)
            self._switch_over(switch)
            for note in made.notes:
                self._tell(f"note: {note}")

    def _switch_over(self, steps: list[Step]) -> None:
        begun: list[Step] = []
        try:
            for step in steps:
                begun.append(step)
                self._do(step)
        except (SetupFailed, OSError) as error:
            for step in reversed(begun):
                step.undo(self._box)
            raise SetupFailed(f"{error}: everything about names is as it was before") from None

    def _do(self, step: Step) -> None:
        self._tell(step.say)
        try:
            step.do(self._box)
        except OSError as error:
            where = f" {error.filename}" if error.filename else ""
            raise SetupFailed(f"{step.say}:{where} {error.strerror}") from None

    # --- and back ----------------------------------------------------------------------------

    def uninstall(self, name: str, *, forced: bool = False, purges: bool = False) -> None:
        """All that was changed, put back. Raises SetupFailed: then names resolve through us still.

        *forced*: whether *name* resolves without us or not.
        """
        needs_root()
        with self._journal.opened():
            *others, pointing = all_of_it()
            self._point_back(pointing, name, forced=forced)
            for step in reversed(others):
                step.undo(self._box)
            journal.tidy_all(self._files)
        if purges:
            self._purge()

    def changed(self) -> list[str]:
        """What an uninstallation would put back, a line each. Raises SetupFailed."""
        needs_root()  # the journal is nobody else's to read
        self._journal.read()
        book = self._journal.book
        lines = [
            f"{'remove' if entry.kind is Kind.NOTHING else 'put back'} {PLACES[key].path}"
            for key, entry in book.places.items()
        ]
        if book.unit is not None:
            states = ("enabled", book.unit.is_enabled), ("running", book.unit.is_active)
            was = " and ".join(word if is_so else f"not {word}" for word, is_so in states)
            lines.append(f"have {UNIT} {was}")
        return [*lines, f"remove {HOME}"] if book.copied else lines

    def _point_back(self, pointing: Step, name: str, *, forced: bool) -> None:
        """/etc/resolv.conf as it was; do names resolve without us? We still run."""
        if not forced and self._is_ours() and not self._journal.holds("resolv.conf"):
            raise SetupFailed(
                f"{_RESOLV_CONF} is ours, but nobody knows what was there before: point it "
                "elsewhere (docs/resolv-conf.md), or --force, which leaves it as it is"
            )
        was_ours = self._is_ours()
        before = self._files.read(_RESOLV_CONF)
        entry = self._journal.book.places.get("resolv.conf")
        pointing.undo(self._box)
        if forced or not was_ours:
            return
        reason = self._why_not_without_us(name)
        if reason:
            if entry is not None:
                self._journal.book.places["resolv.conf"] = entry
                self._journal.write()
            self._files.put(_RESOLV_CONF, before)
            raise SetupFailed(
                f"names do not resolve without the resolver ({reason}): {_RESOLV_CONF} is ours "
                "again, and the service runs; --force takes it away all the same"
            )

    def _why_not_without_us(self, name: str) -> str:
        servers = resolv_conf.servers_of(self._files.followed(_RESOLV_CONF))
        listens = looking.listens()
        if servers and set(servers) <= set(resolv_conf.askable(listens)):
            return f"{_RESOLV_CONF} named nobody but {' and '.join(servers)}, which is us"
        return asking.why_system_not(self._box.run, name, SETUP_VERIFY_SECONDS)

    def _is_ours(self) -> bool:
        return is_ours("resolv.conf", self._files.read(_RESOLV_CONF))

    def _purge(self) -> None:
        """Configuration, state and account too."""
        self._files.remove(CONFIG)
        self._files.tidy(CONFIG, 1)
        for folder in STATE_FOLDERS:
            shutil.rmtree(folder, ignore_errors=True)
        if self._box.run(("getent", "passwd", ACCOUNT)).is_good:
            self._box.run(("userdel", ACCOUNT))

    # --- and what there is -------------------------------------------------------------------

    def status(self) -> tuple[dict[str, object], bool]:
        """What there is of an installation, and whether the machine is pointed at it."""
        facts = looking.facts(self._files, self._box.run)
        if os.geteuid() == 0:
            self._journal.read()
        unit = self._box.run(("systemctl", "is-active", UNIT)).out.strip() if facts.systemd else ""
        is_ours_now = self._is_ours()
        answers = [one for one in facts.servers if asking.is_our_daemon(one)]
        known: dict[str, object] = {
            "program": facts.program.command or facts.program.refusal,
            "account": ACCOUNT if facts.has_account else "",
            "configuration": CONFIG if facts.has_config else "",
            "service": unit or "no systemd here",
            "answers at": answers,
            "resolv.conf": owner_of(facts.evidence).value,
            "changed": sorted(PLACES[key].path for key in self._journal.book.places),
            "port": [str(each) for each in facts.holders],
        }
        return known, is_ours_now and bool(answers)


def divided(steps: tuple[Step, ...]) -> tuple[list[Step], list[Step]]:
    """(what makes the service, what has names go there)."""
    last = max(
        (at for at, step in enumerate(steps) if isinstance(step, StartService | Prove)), default=-1
    )
    return list(steps[: last + 1]), list(steps[last + 1 :])


def needs_root() -> None:
    if os.geteuid() != 0:
        raise SetupFailed("needs root: sudo resolver install, or uninstall")
