"""The run file: written through a journal, read back as a `Run`."""
