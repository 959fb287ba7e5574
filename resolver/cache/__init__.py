"""Do we know it already? RRsets, negatives, failures, zone cuts: bounded in octets."""
