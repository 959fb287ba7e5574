"""A block list in the form of a response policy zone: its QNAME triggers → rules.

    $ORIGIN rpz.example.          bad.example      CNAME .               blocked
    @ SOA ... NS ...              *.bad.example    CNAME *.              so is all below
                                  good.example     CNAME rpz-passthru.   not, whatever others say
                                  way.example      A 192.0.2.1           told instead

A list says *what* is blocked; how that is answered is the list's `action`, so NXDOMAIN and NODATA
are the same here. Triggers on addresses and on name servers take a policy zone, `[[rpz]]`; in a
list they are set aside. draft-vixie-dnsop-dns-rpz. Pure.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from resolver.policy.list_rewrite import rdata_of
from resolver.policy.list_rules import Aside, Bad, Reach, Rewrite, Rule, Terms, key_of
from resolver.protocol.codes import Rcode, RRType, type_number
from resolver.protocol.names import ROOT

if TYPE_CHECKING:
    from resolver.policy.list_rules import Sink

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|;.*|[()]|[^\s;()"]+')
_TTL: Final = re.compile(r"\d+(?:[smhdw]\d+)*[smhdw]?", re.IGNORECASE)
_OTHER_TRIGGERS: Final = ("rpz-ip", "rpz-client-ip", "rpz-nsip", "rpz-nsdname")
_OF_ZONE: Final = ("SOA", "NS", "RRSIG", "NSEC", "NSEC3", "DNSKEY", "NSEC3PARAM", "ZONEMD")
_CLASSES: Final = ("IN", "CH", "HS", "ANY")
_TRIGGER_TYPES: Final = ("CNAME", "A", "AAAA", "TXT", "MX", "NS")
_LONGEST_RECORD: Final = 64  # lines between brackets


class RpzReader:
    """Takes the lines of one zone, in turn. *rules*: how many counted."""

    def __init__(self, sink: Sink) -> None:
        self.rules = 0
        self._sink = sink
        self._origin = ""
        self._owner = "@"
        self._waiting: list[str] = []
        self._lines = 0

    def read(self, text: str, line: int) -> None:
        """One line. Raises Bad, Aside."""
        tokens = [one for one in _TOKEN.findall(text) if not one.startswith(";")]
        if self._waiting:
            tokens = [*self._waiting, *tokens]
            self._lines += 1
        elif not tokens:
            return
        elif text[:1].isspace():
            tokens = ["", *tokens]
        if tokens.count("(") > tokens.count(")"):
            if self._lines > _LONGEST_RECORD:
                self._waiting, self._lines = [], 0
                raise Bad("a bracket that is never closed")
            self._waiting = tokens
            return
        self._waiting, self._lines = [], 0
        self._record([one for one in tokens if one not in ("(", ")")], line)

    def _record(self, tokens: list[str], line: int) -> None:
        if tokens[0].startswith("$"):
            self._directive(tokens)
            return
        owner, *rest = tokens
        self._owner = owner = owner or self._owner
        rest = _behind_class(rest)
        if not rest:
            raise Bad("no record")
        kind, *data = rest
        kind = kind.upper()
        if kind in _OF_ZONE:
            if kind == "SOA" and not self._origin and owner not in ("@", ""):
                self._origin = owner.lower().removesuffix(".")
            return
        self._trigger(owner, kind, data, line)

    def _directive(self, tokens: list[str]) -> None:
        word = tokens[0].upper()
        if word == "$ORIGIN" and len(tokens) > 1:
            self._origin = tokens[1].lower().removesuffix(".")
        elif word != "$TTL":
            raise Bad(f"{word[:20]} in a list")

    def _trigger(self, owner: str, kind: str, data: list[str], line: int) -> None:
        name = self._relative(owner)
        if name.rpartition(".")[2] in _OTHER_TRIGGERS:
            raise Aside("a trigger on addresses or name servers, which takes [[rpz]]")
        is_wild = name == "*" or name.startswith("*.")
        key, labels = key_of(name[2:]) if name != "*" and is_wild else (b"", [])
        if not is_wild:
            key, labels = key_of(name)
        reach = Reach.BELOW if is_wild else Reach.EXACT
        target = data[0].lower() if kind == "CNAME" and data else ""
        if target in (".", "*.", "rpz-drop."):
            self._block(key, labels, reach, line)
        elif target == "rpz-passthru.":
            self._sink.special(Rule(key, reach, line, allows=True))
        elif target == "rpz-tcp-only.":
            raise Aside("rpz-tcp-only, which takes [[rpz]]")
        elif target.startswith(("*.", "rpz-")):
            raise Aside(f"an action of its own ({target[:40]}), which takes [[rpz]]")
        else:
            self._sink.special(Rule(key, reach, line, terms=Terms(rewrite=_told(kind, data))))
        self.rules += 1

    def _block(self, key: bytes, labels: list[bytes], reach: int, line: int) -> None:
        if key:
            self._sink.plain(key, labels, reach, line)
        else:
            self._sink.special(Rule(key, reach, line))

    def _relative(self, owner: str) -> str:
        """The trigger's name: of the owner what is above the zone's own."""
        name = owner.lower()
        if name == "@":
            raise Bad("the zone's own name triggers nothing")
        if not name.endswith("."):
            return name
        name = name.removesuffix(".")
        if self._origin and name.endswith(f".{self._origin}"):
            return name.removesuffix(f".{self._origin}")
        if self._origin:
            raise Bad(f"outside the zone {self._origin}")
        return name


def _told(kind: str, data: list[str]) -> Rewrite:
    if kind == "CNAME" and data:
        return Rewrite(Rcode.NOERROR, RRType.CNAME, key_of(data[0]).key + ROOT)
    try:
        rtype = type_number(kind)
    except ValueError:
        raise Bad(f"no record type: {kind[:20]}") from None
    if not data:
        raise Bad("a record without data")
    return Rewrite(Rcode.NOERROR, rtype, rdata_of(kind, " ".join(data)))


def looks_like_a_zone(lines: list[str]) -> bool:
    """Do these lines, the first of a list, read like a zone? One that does among others that do not
    makes none: a remark behind a name may speak of a CNAME."""
    records = others = 0
    for text in lines:
        words = [one.upper() for one in _TOKEN.findall(text) if not one.startswith(";")]
        if not words:
            continue
        if words[0] in ("$TTL", "$ORIGIN"):
            return True
        kind, *data = _behind_class(words[1:]) or [""]
        if kind == "SOA" and len(data) > 1:
            return True
        is_record = kind in _TRIGGER_TYPES and bool(data) and not words[0][0].isdigit()
        records, others = records + is_record, others + (not is_record)
    return records > others


def _behind_class(words: list[str]) -> list[str]:
    """What follows TTL and class, in either order."""
    while words and (words[0].upper() in _CLASSES or _TTL.fullmatch(words[0])):
        words = words[1:]
    return words
