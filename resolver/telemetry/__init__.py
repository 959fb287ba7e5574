"""Beside the path: what happened, for those who watch. Hears events, never answers back."""
