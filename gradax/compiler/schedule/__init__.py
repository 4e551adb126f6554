"""Level: schedule."""
