"""When what is kept of a question is renewed, and why then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resolver.recurse.warm import window_s

if TYPE_CHECKING:
    from resolver.model import Question
    from resolver.operate.view import Parts


def renewal(parts: Parts, question: Question, left_s: float) -> dict[str, Any]:
    """*when*: in words; *in_s*: seconds until then, None where that depends on who asks."""
    prefetch, now, wall = parts.base.prefetch, parts.clock.now(), parts.clock.wall()
    if prefetch.renewals is None:
        return {"when": "when somebody asks after it has expired", "in_s": None}
    known = prefetch.warm.entries.get(question)
    if known is not None and known.is_renewing:
        return {"when": "now", "in_s": 0}
    is_warm = known is not None and (known.by_hand or known.is_wanted(now, wall))
    if known is not None and is_warm:
        expected = known.expected_from
        at = known.renew_at if expected is None else expected
        why = "it is kept warm" if expected is None else "it is used at even intervals"
        return {"when": f"unasked, for {why}", "in_s": max(round(at - now), 0)}
    window = known.window_s if known is not None else window_s(max(left_s, 0.0))
    return {"when": f"by who asks in its last {max(window, 1):.0f} s, or later", "in_s": None}
