"""Opens file systems and classifies their errors. Knows no object of a run."""
