"""What a run reports about itself, as values. Holds no text of a row."""
