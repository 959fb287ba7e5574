"""Signed worlds on real servers: are we as right about signatures as Unbound, and as cheap?"""
