"""Tests; a regular package, lest one called `tests` that another project installs takes its place."""
