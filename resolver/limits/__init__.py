"""Every bound of the program, in one table a room: value, unit, why.

No bare number elsewhere decides how much, how long or how many. `resolver limits` prints them, and
docs/limits.md shows them; a test asserts that every entry has a test or scenario that reaches it,
except the estimates, which bound nothing. A range stands beside what configuration or an option can
change; the rest is not for turning.
"""

from __future__ import annotations

from resolver.limits.asking import *
from resolver.limits.bench import *
from resolver.limits.caches import *
from resolver.limits.client import *
from resolver.limits.control import *
from resolver.limits.dnstap import *
from resolver.limits.doctor import *
from resolver.limits.drilling import *
from resolver.limits.encryption import *
from resolver.limits.estimates import *
from resolver.limits.forwarding import *
from resolver.limits.geo import *
from resolver.limits.health import *
from resolver.limits.https import *
from resolver.limits.listening import *
from resolver.limits.lists import *
from resolver.limits.memory import *
from resolver.limits.messages import *
from resolver.limits.operating import *
from resolver.limits.otel import *
from resolver.limits.packets import *
from resolver.limits.policy import *
from resolver.limits.prefetching import *
from resolver.limits.process import *
from resolver.limits.query import *
from resolver.limits.query_log import *
from resolver.limits.quic import *
from resolver.limits.rates import *
from resolver.limits.reporting import *
from resolver.limits.root import *
from resolver.limits.rpz import *
from resolver.limits.servers import *
from resolver.limits.setup import *
from resolver.limits.shared import *
from resolver.limits.telemetry import *
from resolver.limits.translating import *
from resolver.limits.validation import *
from resolver.limits.walking import *
from resolver.limits.web import *
