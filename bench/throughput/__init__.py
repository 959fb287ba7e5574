"""What a query costs in CPU, beside the C resolvers, in one run (`python -m bench.throughput`)."""
