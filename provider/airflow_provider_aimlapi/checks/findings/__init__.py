"""One module for each fact that a check finds out. Sends nothing itself."""
