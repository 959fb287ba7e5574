"""How far servers are, and where: judgements of measured round trips and of instances' names."""
