"""What the operator decided: schema (the keys), load (file → Config), check (what contradicts)."""
