"""What a user writes: YAML or Python to a `Circuit`, and back.

`spec` defines the elements (population, pathway, phase, …), `part_use` the references to
components, `experiment_spec` the `experiment:` section; `load` reads a file, and `serialize` writes
one.
"""
