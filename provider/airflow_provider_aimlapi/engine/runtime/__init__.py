"""Time, tasks, threads and retries. Knows no row and no run."""
