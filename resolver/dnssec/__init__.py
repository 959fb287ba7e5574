"""Is it true? Pure validation: generators that yield what they need and the work ahead."""
