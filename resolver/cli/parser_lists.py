"""What the commands take that print a list: `lab`, `keys`, `limits`, `completion`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.cli.parser_parts import add_command

if TYPE_CHECKING:
    from resolver.cli.parser_parts import Commands

LAB = """List the names of the simulated Internet that --lab answers from:
what each comes to, and what it is there to show. Nothing of it needs a
network, and nothing leaves this machine."""

LAB_EXAMPLES = """examples:
  resolver lab
  resolver query --lab www.bogus.org      ask for one of them
  resolver trace --lab www.halfdead.org   and see how it was found

docs/tour.md goes through them."""

KEYS = """Print every key of the configuration file as a markdown table: its
default, what is allowed, when a change takes effect, and what it is for; or
one of them, or of one section all, in words. docs/configuration.md and
resolver.toml(5) are made from the same."""

KEYS_EXAMPLES = """examples:
  resolver keys
  resolver keys server.rate_limit
  resolver keys | grep '^| dnssec'        one section of the file"""

LIMITS = """Print every limit of the program as a markdown table: how much, of
what, and why. They bound what one client, one server or one packet can cost."""

LIMITS_EXAMPLES = """examples:
  resolver limits
  resolver limits | grep -i keytrap       what holds against one attack"""

COMPLETION = """Print the completion of this command line for a shell. A
package or a pip installation below /usr or /usr/local brings it along, where
the shells look for it; an installation elsewhere needs this once."""

COMPLETION_EXAMPLES = """examples:
  resolver completion bash > /etc/bash_completion.d/resolver
  resolver completion zsh > ~/.zfunc/_resolver
  resolver completion fish > ~/.config/fish/completions/resolver.fish

zsh looks in ~/.zfunc where ~/.zshrc has "fpath+=~/.zfunc" before "compinit"."""

SHELLS = ("bash", "zsh", "fish")


def add_lists(commands: Commands) -> None:
    """All of them."""
    add_command(commands, "lab", "list the names of the simulated Internet", LAB, LAB_EXAMPLES)
    keys = add_command(
        commands, "keys", "print every key of the configuration", KEYS, KEYS_EXAMPLES
    )
    keys.add_argument(
        "key", metavar="KEY", nargs="?", help='one key, or one section ("log"), in words'
    )
    add_command(commands, "limits", "print the table of limits", LIMITS, LIMITS_EXAMPLES)
    completion = add_command(
        commands, "completion", "print a shell's completion", COMPLETION, COMPLETION_EXAMPLES
    )
    completion.add_argument(
        "shell", metavar="SHELL", choices=SHELLS, help="the shell: bash, zsh or fish"
    )
