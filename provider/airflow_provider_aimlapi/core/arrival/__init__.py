"""Whether the system text reaches the model, judged from token counts. Knows no tokenizer."""
