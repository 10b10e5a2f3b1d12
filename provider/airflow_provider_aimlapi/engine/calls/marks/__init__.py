"""Calls with cache marks: the lead goes alone, and marks that bring nothing are dropped."""
