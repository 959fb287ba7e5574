"""Ask both resolvers the same questions and sort what they answer differently."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.signed import ask, compare, daemons
from bench.signed.reasons import REASONS, Difference, reason_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.signed.compare import Seen
    from bench.signed.questions import Asked
    from bench.signed.signed_world import SignedWorld


@dataclass(slots=True)
class Report:
    """What came of it. *unexplained* must be empty."""

    asked: int = 0
    equal: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    explained: dict[str, list[Difference]] = field(default_factory=dict)
    unexplained: list[Difference] = field(default_factory=list)
    seconds: tuple[float, float] = (0.0, 0.0)

    def add(self, asked: Asked, ours: Seen, theirs: Seen) -> None:
        self.asked += 1
        self.statuses[f"{ours.rcode}{' AD' if ours.ad else ''}"] += 1
        parts = compare.differences(ours, theirs)
        if ours == compare.SILENCE:
            parts = (*parts, "silence")
        if not parts:
            self.equal += 1
            return
        found = Difference(asked, ours, theirs, parts)
        reason = reason_for(found)
        if reason is None:
            self.unexplained.append(found)
        else:
            self.explained.setdefault(reason.label, []).append(found)

    def lines(self) -> list[str]:
        told = ", ".join(f"{count} {label}" for label, count in self.statuses.most_common())
        found = [
            f"{self.asked} questions: {self.equal} equal in rcode, AD, answer and authority types",
            f"  ours: {told}",
            f"  seconds: ours {self.seconds[0]:.1f}, Unbound {self.seconds[1]:.1f}",
        ]
        for reason in REASONS:
            cases = self.explained.get(reason.label, [])
            found.append(f"  {len(cases):5} {reason.label} ({reason.source})")
        found.append(f"  {len(self.unexplained):5} without a reason")
        found += [f"    {one}" for one in self.unexplained[:40]]
        return found


def compare_both(it: SignedWorld, questions: Sequence[Asked]) -> Report:
    """One pass over *questions*, first by ours, then by the peer; both must be running."""
    queries = [asked.wire() for asked in questions]
    report = Report()
    begun = time.monotonic()
    ours = ask.ask_all(it.client, daemons.OURS, queries)
    middle = time.monotonic()
    theirs = ask.ask_all(it.client, daemons.PEER, queries)
    report.seconds = (middle - begun, time.monotonic() - middle)
    for asked, mine, other in zip(questions, ours, theirs, strict=True):
        report.add(asked, compare.seen(mine), compare.seen(other))
    _hold_to_account(it, report)
    return report


def _hold_to_account(it: SignedWorld, report: Report) -> None:
    """Where only we set AD under CD, both have to set it when asked without CD."""
    for cases in report.explained.values():
        lone = [one for one in cases if one.ours.ad and "cd" in one.asked.flags]
        plain = [one.asked._replace(flags="do") for one in lone]
        queries = [asked.wire() for asked in plain]
        ours = ask.ask_all(it.client, daemons.OURS, queries)
        theirs = ask.ask_all(it.client, daemons.PEER, queries)
        for case, asked, mine, other in zip(lone, plain, ours, theirs, strict=True):
            seen = compare.seen(mine), compare.seen(other)
            again = Difference(asked, *seen, compare.differences(*seen))
            if not again.ours.ad or (again.parts and reason_for(again) is None):
                cases.remove(case)
                report.unexplained.append(case)
