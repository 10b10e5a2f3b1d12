"""The simulated model: its answers, prompt cache and batches. No module here knows HTTP."""
