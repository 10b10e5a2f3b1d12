"""The output path: the files that readers see, and the run folders below it."""
