"""A home's week in virtual time: what renewal ahead of need saves, and what it costs."""
