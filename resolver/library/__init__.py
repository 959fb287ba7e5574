"""The door for programs: `resolver.open`, `resolver.open_sync`, and what they give.

The same daemon as `resolver serve` runs, without its listeners: in the caller's own event loop
under trio, in one thread of its own for asyncio and for programs without an event loop. Nothing is
imported here: a program that only asks for the version pays for nothing else.
"""
