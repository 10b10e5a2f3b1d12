"""Reads a JSON schema whose properties become columns: its types, its names, its references."""
