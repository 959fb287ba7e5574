"""recurse."""
