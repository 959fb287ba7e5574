"""The clients that people have, each over each transport that it has: `python -m bench.clients`."""
