"""The command line: serve, query, trace, bench, check, limits."""
