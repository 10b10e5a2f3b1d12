"""The schemas of request bodies, and the errors for bodies that do not fit."""
