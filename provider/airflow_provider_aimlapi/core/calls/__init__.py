"""What a call asks, of which endpoint, and what comes back. Sends nothing."""
