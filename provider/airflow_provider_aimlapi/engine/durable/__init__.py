"""What outlives a task's try: lease, journal, parts, publication. Makes no call."""
