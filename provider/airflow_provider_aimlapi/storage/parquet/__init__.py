"""The parts of the Parquet format that Arrow does not show. Opens no path."""
