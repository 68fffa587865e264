"""A memory that programs store into and ask: vectors or texts → codes → a circuit → one file."""
