"""Beside the path: what of the names in use would still resolve if servers fell silent. Pure."""
