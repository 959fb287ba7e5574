"""Question → Answer: recall, join, walk, validate, keep, and chase aliases to their end."""
