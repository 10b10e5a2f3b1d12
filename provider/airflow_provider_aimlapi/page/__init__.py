"""The run page: its HTML, style, script and charts, and the report that holds all of them in one file."""
