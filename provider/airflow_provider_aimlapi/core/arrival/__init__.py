"""Judges from token counts whether the system text reaches the model. Knows no tokenizer."""
