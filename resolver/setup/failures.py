"""What ends `resolver install` and `uninstall` early, in a sentence for who typed it."""

from __future__ import annotations

from resolver.errors import ResolverError


class SetupFailed(ResolverError):
    """It cannot go on; the message says why, and what to do about it."""
