"""From text to values: units, equations, dimensions, YAML with positions, the types of fields.

`units` numbers with units and random values; `equations` the model language, parsed without `eval`; `dimensions` what an
expression is; `yaml_reader` YAML that remembers where everything stands; `validation` data to models, every mistake at once.
"""
