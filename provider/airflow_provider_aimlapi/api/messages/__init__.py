"""The API's JSON and event streams as values. Opens no connection."""
