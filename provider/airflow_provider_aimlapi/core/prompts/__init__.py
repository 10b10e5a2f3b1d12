"""Prompts: their templates, the paths into nested columns, and examples. Sends nothing."""
