"""How many calls may be in flight, and how many per second. Waits for nothing."""
