"""Level: graph."""
