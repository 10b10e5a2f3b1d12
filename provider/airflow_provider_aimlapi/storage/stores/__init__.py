"""Object stores on each kind of file system. Knows no run and no Parquet."""
