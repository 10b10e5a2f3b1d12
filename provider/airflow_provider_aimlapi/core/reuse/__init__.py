"""Decides which earlier runs may answer a row, and where to look for its answer."""
