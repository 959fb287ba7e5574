"""Do we know it already? Packets, RRsets, negatives, failures, zone cuts: bounded in octets."""
