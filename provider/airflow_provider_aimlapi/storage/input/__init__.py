"""The input: its files, their common schema, their rows. Writes only a task's records."""
