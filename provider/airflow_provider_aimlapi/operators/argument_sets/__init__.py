"""Groups of the operators' arguments: those of a run, those written plainly, those passed on."""
