"""What `install` and `uninstall` take on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.cli.parser_parts import add_command

if TYPE_CHECKING:
    import argparse

    from resolver.cli.parser_parts import Commands

DEFAULT_NAME = "example.com"
LAB_NAME = "www.example.com"

INSTALL = """Make a service of this program, and point the machine at it. In
order: is the port free, and if not, whose is it; the account "resolver"; a
configuration if there is none; a systemd unit; the command, its manual and
completion where everybody looks; the start. Then a name is resolved at our
own address, and only if that works /etc/resolv.conf is written, and whoever
else writes it is told. If programs do not get names then, all of that is put
back within five seconds. What was there before is kept in a directory that
root alone can enter. It may be run again at any time; what was cut off goes
on."""

INSTALL_EXAMPLES = """examples:
  resolver install --dry-run            each step, and nothing is changed
  sudo resolver install                 all of it
  sudo resolver install --keep-resolv-conf    the service alone
  resolver install --status             what there is of it

exit status:
  0    done; with --status: this machine asks its resolver
  1    it cannot be done, or was undone; the reason is told"""

UNINSTALL = """Put back what "resolver install" has changed: octets, mode, owner,
links, the state of the unit. What has been changed since by somebody else
stays as it is, and is told. Configuration, state and account stay, too."""

UNINSTALL_EXAMPLES = """examples:
  sudo resolver uninstall
  resolver uninstall --dry-run          what would be put back (as root)
  sudo resolver uninstall --purge       configuration, state and account, too

exit status:
  0    done
  1    names would not resolve without it: nothing is changed"""


def add_setup(commands: Commands) -> None:
    """resolver install and uninstall."""
    install = add_command(
        commands, "install", "make a service of it, point the machine at it",
        INSTALL, INSTALL_EXAMPLES,
    )  # fmt: skip
    install.add_argument("--dry-run", action="store_true", help="print every step, do none")
    install.add_argument("--status", action="store_true", help="say what there is of it")
    install.add_argument("--json", action="store_true", help="with --status: for programs")
    install.add_argument(
        "--listen", metavar="ADDRESS:PORT", action="append", default=[],
        help="listen there, in a configuration that is made now (several times: several)",
    )  # fmt: skip
    install.add_argument("--keep-resolv-conf", action="store_true", help="point nothing at it")
    install.add_argument(
        "--without-nss-resolve", action="store_true",
        help="have programs ask past systemd-resolved even where a link has domains of its own",
    )  # fmt: skip
    install.add_argument(
        "--keep-fallback", action="store_true",
        help="name the name server of before behind ours: asked where ours is silent, unvalidated",
    )  # fmt: skip
    install.add_argument(
        "--lab", action="store_true", help="a service that answers from a simulated Internet"
    )
    _add_name(install)
    uninstall = add_command(
        commands, "uninstall", "put back what install has changed",
        UNINSTALL, UNINSTALL_EXAMPLES,
    )  # fmt: skip
    uninstall.add_argument("--dry-run", action="store_true", help="print what would be put back")
    uninstall.add_argument(
        "--force", action="store_true", help="even if names do not resolve without it"
    )
    uninstall.add_argument(
        "--purge", action="store_true", help="configuration, state and account, too"
    )
    _add_name(uninstall)


def _add_name(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--name",
        metavar="NAME",
        default="",
        help=f"the name that has to resolve before and after (default: {DEFAULT_NAME})",
    )
