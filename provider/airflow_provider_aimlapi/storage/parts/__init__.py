"""Parts: a shard's input columns and outcomes as a Parquet file. Knows no output path."""
