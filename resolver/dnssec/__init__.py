"""Is it true? Pure validation: generators that yield what they need and how much work they are about to do."""
