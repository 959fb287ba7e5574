"""Find out: walk from the closest zone cut known to the servers that know (RFC 1034 §5.3.3)."""
