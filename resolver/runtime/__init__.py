"""What every room may stand on: clocks, a pool of tasks, fair turns of the loop, signals.

Knows nothing of DNS.
"""
