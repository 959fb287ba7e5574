r"""Regular expressions of lists: a subset that cannot run away, and the way from adblock patterns.

Python's matcher goes back and tries again, so a bad expression takes forever on a name of 255
octets. Taken is what a matcher without that would take too, and what ends soon on this one: no
back-references, no look-around, no group that is repeated and has a repetition or a choice in it,
and few repetitions in a row. What passes is tried, in the process that compiles, on names made to
be hard (`is_slow`). AdGuard's and Pi-hole's are RE2 and TRE, whose `\d`, `[[:alpha:]]` are read.
Pure.
"""

from __future__ import annotations

import re
import warnings
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any, Final

from resolver.limits import LIST_PATTERN_OCTETS, LIST_PATTERN_REPEATS
from resolver.policy.list_rules import Bad

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_REPEATS: Final = frozenset({_constants.MAX_REPEAT, _constants.MIN_REPEAT})
_SINGLE: Final = frozenset(
    {_constants.LITERAL, _constants.NOT_LITERAL, _constants.ANY, _constants.IN}
)
_TAKEN: Final = _SINGLE | _REPEATS | {_constants.AT, _constants.SUBPATTERN, _constants.BRANCH}
_MANY: Final = 16  # times of one octet that need not be counted: 16 ways are few
_POSIX: Final = {
    "[:alpha:]": "a-z", "[:digit:]": "0-9", "[:alnum:]": "a-z0-9", "[:space:]": r"\s",
    "[:lower:]": "a-z", "[:upper:]": "a-z", "[:xdigit:]": "0-9a-f", "[:word:]": r"\w",
    "[:punct:]": r"!-/:-@\[-`{-~",
}  # fmt: skip
_LENGTHS: Final = (24, 48, 96, 253)
_SHORTEST: Final = 3  # characters of a text that are worth looking for before


def checked(pattern: str) -> str:
    """*pattern* as it is used, if it is safe. Raises Bad, which says why not."""
    if len(pattern) > LIST_PATTERN_OCTETS:
        raise Bad(f"a regular expression longer than {LIST_PATTERN_OCTETS}")
    for name, members in _POSIX.items():
        pattern = pattern.replace(name, members)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what means something else to other matchers
            tree = _parser.parse(pattern, re.IGNORECASE)
    except (re.error, RecursionError, OverflowError, ValueError, Warning) as error:
        raise Bad(f"no regular expression ({error})") from None
    try:
        repeats = _repeats(tree)
    except RecursionError:
        raise Bad("a regular expression with too many brackets") from None
    if repeats > LIST_PATTERN_REPEATS:
        raise Bad(f"a regular expression with more than {LIST_PATTERN_REPEATS} repetitions")
    return pattern


def _repeats(tree: Any) -> int:
    """Most repetitions that follow one another on a way through *tree*. Raises Bad."""
    found = 0
    for code, argument in tree:
        if code not in _TAKEN:
            raise Bad("a regular expression with back-references or look-around")
        if code is _constants.SUBPATTERN:
            found += _repeats(argument[3])
        elif code is _constants.BRANCH:
            found += max(map(_repeats, argument[1]), default=0)
        elif code in _REPEATS:
            found += _repeated(*argument)
    return found


def _repeated(least: int, most: Any, inner: Any) -> int:
    is_single = len(inner) == 1 and inner[0][0] in _SINGLE
    if is_single:
        return int(most == _constants.MAXREPEAT or most - least > _MANY)
    if most == 1:
        return _repeats(inner)
    if _repeats(inner) or not _is_fixed(inner):
        raise Bad("a regular expression with repetitions in repetitions")
    return int(most != least)


def _is_fixed(tree: Any) -> bool:
    """Can it match in one way only? No repetition and no choice."""
    return all(
        code in _SINGLE
        or code is _constants.AT
        or (code is _constants.SUBPATTERN and _is_fixed(argument[3]))
        for code, argument in tree
    )


def needed(pattern: str) -> str:
    """A text that every match of *pattern* holds, lower-cased; "" if none is known.

    Looked for first: a hundredth of what the expression takes.
    """
    longest = run = ""
    for code, argument in [*_parser.parse(pattern, re.IGNORECASE), (None, None)]:
        if code is _constants.LITERAL:
            run += chr(argument)
            continue
        if code is not _constants.AT:
            longest, run = max(longest, run, key=len), ""
    return longest.lower() if len(longest) >= _SHORTEST else ""


def is_slow(pattern: str, cpu: Callable[[], float], most_s: float) -> bool:
    """Does any hard name take it longer than *most_s*? *cpu* tells seconds; the best of three
    counts, for others may be busy. Short ones first: what is slow shows soon."""
    compiled = re.compile(pattern, re.IGNORECASE)
    return any(
        _best(compiled, name[-octets:], cpu, most_s) > most_s
        for name in _hard(pattern)
        for octets in _LENGTHS
    )


def _best(compiled: re.Pattern[str], name: str, cpu: Callable[[], float], most_s: float) -> float:
    best = float("inf")
    for _ in range(3):
        began = cpu()
        compiled.search(name)
        best = min(best, cpu() - began)
        if best <= most_s:
            break
    return best


def _hard(pattern: str) -> Iterator[str]:
    """Names that nearly match, as long as names can be."""
    words = re.findall(r"[a-z0-9]+", pattern.lower())[:8] or ["a"]
    for word in dict.fromkeys([*words, "a", "a.", "0", "-", "a-", "".join(words)]):
        yield (word * 255)[:252] + "!"


def from_adblock(text: str) -> str:
    """The expression that an adblock pattern of a name stands for.

    `||` begins at a label, `|` at either end of the name, `^` ends it, `*` is anything.
    """
    begin = end = ""
    if text.startswith("||"):
        begin, text = r"(?:^|\.)", text[2:]
    elif text.startswith("|"):
        begin, text = "^", text[1:]
    if text.endswith(("^", "|")):
        end, text = "$", text.rstrip("^|")
    if not begin:
        text = text.lstrip("*")
    if not end:
        text = text.rstrip("*")
    return begin + ".*".join(map(re.escape, re.split(r"\*+", text))) + end
