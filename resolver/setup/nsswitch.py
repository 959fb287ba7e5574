"""/etc/nsswitch.conf: whether programs ask systemd-resolved past /etc/resolv.conf. Pure.

nsswitch.conf(5), nss-resolve(8): `hosts: files resolve [!UNAVAIL=return] dns`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from resolver.setup.files import Content

_HOSTS: Final = re.compile(r"^\s*hosts:", re.IGNORECASE)
_RESOLVE: Final = re.compile(r"(?<=[\s:])resolve(?:[ \t]*\[[^]]*\])?(?=[\s#]|$)[ \t]*")
_DNS: Final = re.compile(r"[\s:]dns(?=[\s#]|$)")


def uses_resolve(found: Content) -> bool:
    """True if names of hosts are asked of nss-resolve."""
    return any(_HOSTS.match(line) and _RESOLVE.search(_code(line)) for line in found.lines)


def without_resolve(found: Content) -> Content:
    """The same without nss-resolve, and with `dns`, which reads /etc/resolv.conf."""
    lines = found.data.decode("utf-8", "surrogateescape").splitlines(keepends=True)
    data = "".join(_without(line) if _HOSTS.match(line) else line for line in lines)
    return replace(found, data=data.encode("utf-8", "surrogateescape"))


def _without(line: str) -> str:
    code = _code(line)
    rest, end = line[len(code) :], code[len(code.rstrip()) :]
    if not _RESOLVE.search(code):
        return line
    if _DNS.search(code):
        return _RESOLVE.sub("", code).rstrip() + end + rest
    return _RESOLVE.sub("dns ", code).rstrip() + end + rest


def _code(line: str) -> str:
    return line.partition("#")[0]
