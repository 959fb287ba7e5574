"""An outage of two hours after an hour of use: who is answered, how soon, and at what cost."""
