"""No descriptor, port or buffer for a packet: our trouble, which the operator can mend.

Said once in WARNING_SECONDS, counted always, and no server or zone is blamed for it.
"""

from __future__ import annotations

import errno
import logging
import math
from typing import TYPE_CHECKING

from resolver.limits import WARNING_SECONDS

if TYPE_CHECKING:
    from resolver.upstream.outstanding import Outstanding
    from resolver.upstream.server_events import UpstreamCounters

_log = logging.getLogger(__name__)
_SHORT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EAGAIN})


class Descriptors:
    """What the system has left for packets of one process."""

    def __init__(self, outstanding: Outstanding, counters: UpstreamCounters) -> None:
        self._outstanding = outstanding
        self._counters = counters
        self._said_at = -math.inf

    def are_short(self, error: OSError, now: float) -> bool:
        """Is that what *error* means? Then whatever only waits for a late reply makes room."""
        if error.errno not in _SHORT:
            return False
        self._counters.no_descriptors += 1
        self._outstanding.make_room()
        if now - self._said_at >= WARNING_SECONDS:
            self._said_at = now
            _log.warning(
                "no socket for a question to a server (%s), %d are open: raise the limit of open"
                " files (ulimit -n, LimitNOFILE=)",
                errno.errorcode.get(error.errno or 0, "error"),
                len(self._outstanding),
            )
        return True
