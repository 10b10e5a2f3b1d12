"""One object store over each kind of file system. Knows no run and no Parquet."""
