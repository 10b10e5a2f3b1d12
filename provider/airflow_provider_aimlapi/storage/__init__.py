"""Parquet files and object stores. Only this layer uses pyarrow and fsspec."""
