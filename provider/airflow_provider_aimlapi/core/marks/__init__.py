"""When requests have a cache mark: the rules of the prompt cache."""
