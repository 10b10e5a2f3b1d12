"""How many calls may be in flight, and how many a second. Waits for nothing."""
