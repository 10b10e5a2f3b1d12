"""Derives facts from the replies of a check. Sends nothing."""
