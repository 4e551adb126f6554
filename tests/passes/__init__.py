"""Tests of the compiler's passes, level by level."""
