"""Rows become calls, and calls become outcomes. Stores nothing itself."""
