"""What an open page costs the path, and how soon it is drawn."""
