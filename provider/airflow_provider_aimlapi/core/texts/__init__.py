"""Checks and forms of what people and the API write: texts and numbers. Knows no run."""
