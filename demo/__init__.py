"""The provider at work on one machine, without an account, for newcomers."""
