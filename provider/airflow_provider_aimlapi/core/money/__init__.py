"""Prices, budgets, estimates and bills in nano-dollars. Never guesses a price."""
