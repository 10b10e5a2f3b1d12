"""The input: which files it has, their one schema, their rows. Writes nothing but given records."""
