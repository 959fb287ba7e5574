"""How many machines, with a shared level or without: a fleet in virtual time."""
