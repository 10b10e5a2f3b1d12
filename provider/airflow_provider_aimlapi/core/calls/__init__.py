"""Requests, endpoints and completions as values. Sends nothing."""
