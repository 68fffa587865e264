"""What a user writes: YAML or Python to a `Circuit`, and back.

`spec` holds the nouns (population, pathway, phase, …), `part_use` how a circuit refers to components, `experiment_spec` the
`experiment:` section, `load` reads a file, and `serialize` writes one.
"""
