"""The API over HTTP: completions, prices, the request log, the account. Only this layer uses httpx."""
