"""Replies as octets: a hit goes back from the receive loop, patched in id, flags and TTLs.

`fast_path` is that fast path, `cache` what it draws from, `form` the layout of a packet.
"""
