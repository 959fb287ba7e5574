"""Twenty thousand names against real lists, and against what they mean: none wrong."""

from __future__ import annotations

import gzip
from functools import cache
from random import Random

import pytest

from tests import real_data
from tests.policy.list_making import blocks, lists_of
from tests.policy.list_oracle import Meaning

LISTS = real_data.FOLDER / "blocklists"
FILES = {
    "anudeep-adservers-20251227.hosts.txt.gz": "hosts",
    "stevenblack.domains-20220724.txt.gz": "domains",
}
POPULAR = real_data.FOLDER / "domains" / "ranked-top-65535-2023.csv.gz"
NAMES = 20_000

pytestmark = pytest.mark.skipif(not LISTS.is_dir(), reason=f"no real lists in {LISTS}")


@cache
def text_of(file: str) -> str:
    with gzip.open(LISTS / file, "rt", encoding="utf-8") as lines:
        return lines.read()


@cache
def listed(file: str) -> list[str]:
    """Names of a list, taken out of its lines without any care for what they mean."""
    lines = [line.split("#")[0].split() for line in text_of(file).splitlines()]
    return [words[-1].lower() for words in lines if words and "." in words[-1]]


@cache
def popular() -> list[str]:
    with gzip.open(POPULAR, "rt", encoding="utf-8") as lines:
        found = [line.strip().split(",")[-1].lower() for line in lines]
    return [name for name in found if "." in name and name.isascii()]


def asked_for(names: list[str], rng: Random) -> list[str]:
    """Listed names, names below and above them, names that are nearly these, and popular ones."""
    found: list[str] = []
    while len(found) < NAMES:
        name = rng.choice(names)
        label, _, rest = name.partition(".")
        found += [
            name, f"www.{name}", f"a.b.{name}", f"x{name}", f"{label}x.{rest}", rest,
            f"{name}.net", name[1:].lstrip("."), rng.choice(popular()),
            f"cdn.{rng.choice(popular())}",
        ]  # fmt: skip
    return [each for each in found if _is_name(each)][:NAMES]


def _is_name(text: str) -> bool:
    return len(text) < 250 and all(0 < len(label) < 64 for label in text.split("."))


def wrong(forms: dict[str, str], names: list[str]) -> list[str]:
    """Names that the product decides otherwise than the lists mean."""
    meaning = Meaning()
    for each, form in forms.items():
        meaning.read(each, form)
    lists = lists_of(*forms)
    return [one for one in names if blocks(lists, f"{one}.") is not meaning.decides(one)]


@pytest.mark.parametrize("file", FILES)
def test_a_list_as_it_is(file: str) -> None:
    names = asked_for(listed(file), Random(1))
    assert len(names) == NAMES
    assert wrong({text_of(file): FILES[file]}, names) == []


def _adblock(names: list[str], rng: Random) -> str:
    shapes = ("||{}^", "||{}^", "|{}^", "@@||{}^", "||{}^$important", "@@|{}^", "@@||{}^$important")
    return "".join(f"{rng.choice(shapes).format(name)}\n" for name in names)


def _rpz(names: list[str], rng: Random) -> str:
    shapes = (
        "{} CNAME .",
        "*.{} CNAME .",
        "{0} CNAME *.\n*.{0} CNAME *.",
        "{} CNAME rpz-passthru.",
    )
    body = "".join(f"{rng.choice(shapes).format(name)}\n" for name in names)
    return f"$TTL 60\n@ SOA localhost. root. 1 2 3 4 5\n@ NS localhost.\n{body}"


@pytest.mark.parametrize(("form", "made"), [("adblock", _adblock), ("rpz", _rpz)])
def test_the_same_names_in_other_forms(form: str, made: object) -> None:
    rng = Random(2)
    source = listed("anudeep-adservers-20251227.hosts.txt.gz")
    shorter = [name.split(".", 1)[1] for name in source[::3] if name.count(".") > 1]
    text = made([*source, *shorter], rng)  # type: ignore[operator]
    assert wrong({text: form}, asked_for(source, rng)) == []


def test_all_lists_at_once() -> None:
    rng = Random(3)
    source = listed("anudeep-adservers-20251227.hosts.txt.gz")
    forms = {text_of(file): form for file, form in FILES.items()}
    forms[_adblock(source[::2], rng)] = "adblock"
    forms[_rpz(source[1::2], rng)] = "rpz"
    assert wrong(forms, asked_for(source, rng)) == []
