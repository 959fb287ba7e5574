"""Mixes of rcode, flags and sections, asked through our daemon and four peers: see `__main__`."""
