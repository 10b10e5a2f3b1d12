"""Calls whose answers must follow a schema: the check of each answer, and the form of the requests."""
