"""Parquet's own format, where Arrow does not show it. Lists and opens no path."""
