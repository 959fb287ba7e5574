"""A token bucket filled by work done, not by time: speculation as a share of real queries."""

from __future__ import annotations


class Bucket:
    """*share* tokens for each first packet, at most *burst* saved up."""

    __slots__ = ("burst", "share", "tokens")

    def __init__(self, *, share: float, burst: float) -> None:
        self.share = share
        self.burst = burst
        self.tokens = burst

    def __repr__(self) -> str:
        return f"<Bucket {self.tokens:.1f} of {self.burst:.0f}>"

    def fill(self) -> None:
        """One first packet went out."""
        self.tokens = min(self.burst, self.tokens + self.share)

    def take(self) -> bool:
        """Spend one token, if there is one."""
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True
