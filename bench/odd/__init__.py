"""Odd servers: for each way of being odd, which resolver answers all the same, and how soon."""
