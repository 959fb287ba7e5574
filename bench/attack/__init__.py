"""Attacks on a running daemon, Unbound beside it: what they cost it, and its other clients."""
