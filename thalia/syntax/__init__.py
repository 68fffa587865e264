"""From text to values: units, equations, dimensions, YAML with positions, the types of fields.

`units`: numbers with units and distributions; `equations`: the model language, parsed without
`eval`; `dimensions`: the dimensions of expressions; `yaml_reader`: YAML with the positions of
everything; `former_names`: what was renamed; `validation`: from data to models, with every mistake
at once.
"""
