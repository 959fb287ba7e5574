"""May they, and must we ask at all? Who is served, and what is answered without the network."""
