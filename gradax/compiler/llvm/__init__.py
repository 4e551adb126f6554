"""Level: llvm."""
