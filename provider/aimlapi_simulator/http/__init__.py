"""HTTP as values and bytes. Knows no endpoint."""
