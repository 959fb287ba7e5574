"""1 bytes in: sockets, streams, and which of their queries may be taken on.

A listening socket comes from a `listen_network.ListenNetwork`, real (`sockets`) or the lab's. UDP
is served by `udp`, a batch at a time, on an `udp_socket` or many datagrams per system call
(`mmsg`); where hits come one by one, `idle_loop` answers them while the event loop would sleep.
Streams are accepted in `tcp` and each served by a `stream`, whatever is spoken below it, or by
`web`; a value (`protocol.transport.Transport`) says what it is. What has come over any of them is
heard by one task, or in the loop's sleep (`readiness`). `admission` counts what is in flight and
limits rates; `share` and `backlog` bound what one client, and all of them, may have under way and
leave unread.

Octets that the packet cache knows go back from here; all else goes to a `Handler`, the pipeline.
Nothing here parses a message or knows a zone.
"""
