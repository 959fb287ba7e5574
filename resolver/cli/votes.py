"""What is *good*: the answer that most of those who were asked give.

A resolver that denies all names answers fast and always; only beside others does it show. Kinds of
answers are compared, not addresses, which may rightly differ from place to place. Each contestant
has one voice, over however many transports, and none who denies that the root has nameservers.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolver.cli.compare import Contestant, Sample


def count(contestants: Sequence[Contestant]) -> int:
    """Mark the samples that the majority speaks against; returns how many questions it is split on.

    A split, and a question with one voice, leave everybody's answer as good as it was.
    """
    split = 0
    labels = dict.fromkeys(label for each in contestants for label in each.passes)
    for label in labels:
        passes = [(each, each.passes[label]) for each in contestants if label in each.passes]
        for index in range(max(len(samples) for _, samples in passes)):
            asked = [(each, samples) for each, samples in passes if index < len(samples)]
            winner = _winner([(each, samples[index]) for each, samples in asked])
            split += winner is None
            for _, samples in asked:
                if winner is not None:
                    samples[index] = _held_against(samples[index], winner)
    return split


def _winner(answers: Sequence[tuple[Contestant, Sample]]) -> str | None:
    """The kind of answer that has most voices; "" if there is none at all, None if it is a draw."""
    voices = {
        (each.name, each.server.host, sample.kind)
        for each, sample in answers
        if sample.kind and not each.denies_the_root
    }
    counted = Counter(kind for *_, kind in voices).most_common(2)
    if not counted:
        return ""
    if len(counted) > 1 and counted[0][1] == counted[1][1]:
        return None
    return counted[0][0]


def _held_against(sample: Sample, winner: str) -> Sample:
    if not sample.kind or sample.kind == winner:
        return sample
    why = "against the majority" if winner else "of one who denies the root"
    return sample._replace(is_good=False, outcome=f"{sample.kind} {why}")
