"""A cache that outlives restarts: how soon it answers, and whether it is right."""
