"""Bytes in and out: datagrams and streams of clients, and how much of them is let in.

`listen_network` is the seam: real sockets (`sockets`, `mmsg`) or the lab's virtual ones.
"""
