"""Users' own data: the files that a circuit names, read and checked."""
