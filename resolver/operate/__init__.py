"""What an operator may ask of a running daemon: verbs, each written once, and the door to them.

Beside the path of a query: nothing on the path knows of it.
"""
