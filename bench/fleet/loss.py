"""What a machine's loss costs: fetches in the time after, when another hears its clients too.

In closed form, for few of very many questions fall into that time: questions come at random
(Poisson), a copy is there as often as the mean of many rounds says, and its age is any.
"""

import math
from collections.abc import Sequence

AGES = 8  # of the heir's copy, at which the mean is taken


def _comes(count: int, rate: float, seconds: float) -> float:
    """How likely it is that a question is asked at least *count* times (Erlang's distribution)."""
    if seconds <= 0:
        return 0.0
    mean = rate * seconds
    if mean > 200:
        return 1.0 if count < mean / 2 else 0.5
    term, less = math.exp(-mean), 0.0
    for at in range(count):
        less += term
        term *= mean / (at + 1)
    return max(0.0, 1 - less)


def fetches(rate: float, ttl: float, seconds: float) -> float:
    """How many are to be expected of a machine that begins without a copy."""
    total, count = 0.0, 1
    while (left := seconds - (count - 1) * ttl) > 0:
        total += _comes(count, rate, left)
        count += 1
    return total


def of_heir(lost: float, heir: float, ttl: float, seconds: float) -> float:
    """Fetches of a machine that was asked *heir* times a second and now *lost* more."""
    has_copy = heir * ttl / (1 + heir * ttl)
    ages = [(at + 0.5) / AGES * ttl for at in range(AGES)]
    later = sum(fetches(lost + heir, ttl, seconds - age) for age in ages if age < seconds) / AGES
    return (1 - has_copy) * fetches(lost + heir, ttl, seconds) + has_copy * later


def usual(rates: Sequence[float], ttl: float, seconds: float) -> float:
    """Fetches of machines as before, by themselves."""
    return sum(rate / (1 + rate * ttl) for rate in rates) * seconds
