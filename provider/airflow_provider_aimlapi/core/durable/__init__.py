"""The names and contents of the objects that a run stores. Reads and writes none of them."""
