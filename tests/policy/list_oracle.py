"""What lists mean, from the definitions of their formats alone: slow, plain, and apart from the
product's code. It knows text, and nothing of octets, hashes or files.

hosts(5): an address and the names it stands for, each for itself. Lists of domains: a name is
itself and all below. AdGuard's syntax: `||name^` likewise, `|name^` for itself, `@@` lifts,
`$important` is above that. A response policy zone: an owner is itself, `*.owner` all below it.
"""

from __future__ import annotations

_OWN = {
    "localhost", "localhost.localdomain", "local", "broadcasthost", "ip6-localhost",
    "ip6-loopback", "ip6-localnet", "ip6-mcastprefix", "ip6-allnodes", "ip6-allrouters",
    "ip6-allhosts", "0.0.0.0", "localdomain",  # noqa: S104
}  # fmt: skip
BLOCK, LIFT, IMPORTANT, LIFT_IMPORTANT = "block", "lift", "important", "lift important"
_ORDER = (LIFT_IMPORTANT, IMPORTANT, LIFT, BLOCK)


class Meaning:
    """Names by what is done to them: for themselves, for what is below, or both."""

    def __init__(self) -> None:
        self.alone: dict[str, set[str]] = {kind: set() for kind in _ORDER}
        self.below: dict[str, set[str]] = {kind: set() for kind in _ORDER}

    def read(self, text: str, form: str) -> Meaning:
        """Add a list; *form*: "hosts", "domains", "adblock" or "rpz"."""
        for line in text.splitlines():
            getattr(self, f"_{form}")(line.strip().lower())
        return self

    def decides(self, name: str) -> bool:
        """Is *name*, without its last dot, blocked?"""
        above = [name]
        while "." in above[-1]:
            above.append(above[-1].split(".", 1)[1])
        for kind in _ORDER:
            if name in self.alone[kind] or any(each in self.below[kind] for each in above[1:]):
                return kind in (BLOCK, IMPORTANT)
        return False

    def _hosts(self, line: str) -> None:
        words = line.split("#", maxsplit=1)[0].split()
        for word in words[1:]:
            if word not in _OWN:
                self.alone[BLOCK].add(word)

    def _domains(self, line: str) -> None:
        name = line.split("#", maxsplit=1)[0].strip()
        if name:
            self.alone[BLOCK].add(name)
            self.below[BLOCK].add(name)

    def _adblock(self, line: str) -> None:
        if not line or line[0] in "!#[":
            return
        is_lift = line.startswith("@@")
        pattern, _, modifiers = line.removeprefix("@@").partition("$")
        is_important = modifiers == "important"
        kind = (LIFT_IMPORTANT if is_important else LIFT) if is_lift else (
            IMPORTANT if is_important else BLOCK
        )  # fmt: skip
        name = pattern.strip("|^")
        self.alone[kind].add(name)
        if pattern.startswith("||"):
            self.below[kind].add(name)

    def _rpz(self, line: str) -> None:
        words = line.split(";", maxsplit=1)[0].split()
        if len(words) != 3 or words[1] != "cname":
            return
        kind = LIFT if words[2] == "rpz-passthru." else BLOCK
        if words[0].startswith("*."):
            self.below[kind].add(words[0].removeprefix("*."))
        else:
            self.alone[kind].add(words[0])
