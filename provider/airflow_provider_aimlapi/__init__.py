"""Map a Claude completion over the rows of a Parquet data set, from Airflow."""

__version__ = "0.1.0"
