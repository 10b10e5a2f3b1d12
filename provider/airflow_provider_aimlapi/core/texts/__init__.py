"""Checks and forms of texts that people and the API write. Knows no run."""
