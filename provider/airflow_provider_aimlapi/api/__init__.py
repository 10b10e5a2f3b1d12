"""The only home of httpx: JSON and values, one exchange, the account."""
