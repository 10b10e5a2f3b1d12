"""What follows from calls without a completion: for their row, and for the run. Calls nothing."""
