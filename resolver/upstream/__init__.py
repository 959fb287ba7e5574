"""Ask one zone cut: which server, over what, how long to wait, and what its reply teaches.

    request        what the walker asks, and the reply it gets
    dispatcher     the door: does what cut queries want done, and tells them what happened
      cut_query    decides (pure): states in a table; cut_asking, cut_replies, cut_waiting; asker
      select       which server, which next, when; speculate: what is worth one packet more
      udp_queries, stream_queries, outstanding, timers     what is on its way, and its matching
      ways         is it they, or our link? (way, reachability)
      recovery     is that over? (pace, link_watch)
    infra          what is remembered of servers (server_state), by address and transport
    compose, query, edns_fallback, query_form, doubt       what a query carries, who bears what
    network        the seam to sockets (udp, tcp; the lab's)

`cut_query` is read from its table. What passes between it and the world stands in `cut_actions`.
"""
