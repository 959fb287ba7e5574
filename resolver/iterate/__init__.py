"""Find out: walk from the closest known zone cut down to the servers that know (RFC 1034 §5.3.3)."""
