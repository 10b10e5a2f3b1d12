"""Estimates a run's cost before it starts. Writes nothing but a paid sample."""
