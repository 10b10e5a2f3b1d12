"""How a file system is reached, and what its errors mean. Knows no object of a run."""
