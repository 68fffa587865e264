"""`python -m thalia` is the command `thalia`."""

from thalia.cli.main import main

main()
