"""What no document settles about the API, settled by a dozen tiny calls with a live key."""
