"""The output path: what readers see there, and which runs lie below it. Pays for nothing."""
