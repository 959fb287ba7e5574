"""Do we know it already? Packets, RRsets, negatives, failures, delegations: all bounded in octets."""
