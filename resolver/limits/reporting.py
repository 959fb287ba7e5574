"""Limits: reports of errors to the owners of zones (RFC 9567)."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("reports of errors to the owners of zones")

REPORT_AGENTS = limit(
    4096, "zones whose agent for errors is known", why="half a megabyte; those that fail are few"
)
REPORT_AGENT_SECONDS = limit(
    3600.0, "seconds for which the agent of a zone is known", why="a zone that fails is asked again"
)
REPORTS_AT_ONCE = limit(
    8, "reports of errors on their way", why="RFC 9567 §9: reports must not become an attack"
)
