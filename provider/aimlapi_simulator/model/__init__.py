"""The simulated model: its answers, caches and batches. Knows no HTTP."""
