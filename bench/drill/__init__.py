"""What `resolver drill` says beside what then happens, and what it costs."""
