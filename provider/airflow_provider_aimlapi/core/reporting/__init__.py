"""A run's reports about itself, as values. They hold no text of a row."""
