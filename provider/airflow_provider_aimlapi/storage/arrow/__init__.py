"""Arrow types, schemas and columns. Opens no file."""
