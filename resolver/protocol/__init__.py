"""DNS facts: names, wire format, EDNS, framing, registries. No I/O, no clock, no dnspython."""
