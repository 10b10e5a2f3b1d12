"""What runs on one machine, without an account, so that a newcomer sees the provider work."""
