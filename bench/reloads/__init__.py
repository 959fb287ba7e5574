"""A configuration that changes under load: what clients notice of it."""
