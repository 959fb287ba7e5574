"""Which cases of the matrix are asked: a sample that count and seed repeat."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.iterate import matrix_cases

if TYPE_CHECKING:
    from tests.iterate.matrix_cases import Case

KINDS = ("unsigned", "signed")


def draw(count: int, seed: int, kind: str) -> list[Case]:
    """*count* cases of the *kind*, or all there are."""
    make = matrix_cases.signed if kind == "signed" else matrix_cases.unsigned
    every = list(make())
    return random.Random(seed).sample(every, min(count, len(every)))
