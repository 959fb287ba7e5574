"""From a configuration to a process that serves: wiring, sockets, workers, privileges, memory.

`wiring` makes the objects and connects them, `run` owns the nurseries they live in, `foreground`
makes one process of it and `workers` several. Nothing below this room opens a file or a listener.
"""
