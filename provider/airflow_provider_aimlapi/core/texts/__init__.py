"""Checks and formats texts and numbers from people and the API. Knows no run."""
