"""The commands: each is one call of the Python interface, with heavy imports inside."""
