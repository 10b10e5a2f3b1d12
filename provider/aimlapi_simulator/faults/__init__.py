"""The kinds of faults, and the choice of the fault that strikes a request."""
