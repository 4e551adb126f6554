"""Transformations of operations and programs: derivatives, mapping, transposition."""
