"""The real root zone as a world of real servers: zones, software, topology, and the load on it."""
