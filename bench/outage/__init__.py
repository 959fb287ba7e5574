"""How soon resolvers tell that the network is gone, and how soon they are back when it is."""
