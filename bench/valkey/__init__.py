"""What machines share by a real Redis, and what it costs where that fails."""
