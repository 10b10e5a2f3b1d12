"""Typed answers: the schema that a user gives, and the check of each answer against it."""
