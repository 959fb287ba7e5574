"""Hits beside ten thousand questions that wait for silent servers, ours and the peers'."""
