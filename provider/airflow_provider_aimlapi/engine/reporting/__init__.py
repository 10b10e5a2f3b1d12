"""Counts and reports what an attempt does. Decides nothing."""
