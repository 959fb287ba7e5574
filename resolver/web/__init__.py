"""The page and its API: a process of its own without privileges, that the daemon starts.

It knows the daemon by the control socket only: what it is shown there, and what it may have done
for who shows the token. It imports nothing of the path of a query.
"""
