"""The rules of the trade: pure functions and values, no outside system."""
