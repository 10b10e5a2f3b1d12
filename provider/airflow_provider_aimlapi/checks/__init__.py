"""Finds out with a dozen tiny calls what the API's documents leave open."""
