"""Latency lab: unmodified resolvers side by side over one emulated Internet.

    world → oracle            what there is to resolve, and the least time it can take
    scenarios                 what goes wrong, and when
    lab → wanem, authsim    namespaces, the emulated paths, the authorities (C, compiled here)
    peers                     how each resolver is started
    client → measure          questions, answers, what they took
    report                    the table, the JSON, the pictures

`python -m bench.latency` runs it; it needs root for the namespaces, touches nothing outside
them, and ends what it started.
"""
