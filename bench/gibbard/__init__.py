"""Gibbard's places in virtual time: what resolves before, in and after a cut, beside what can."""
