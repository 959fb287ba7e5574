"""Ask one zone cut: which server, over what, how long to wait, and what its reply teaches."""
