"""The components that circuits are built from: one YAML file each, found by its name.

`schema` says what a component may contain, `lookup` finds one in the library or beside a circuit. Nothing registers itself:
a new neuron, synapse, rule, modulator, stimulus or region is a new file in the folder of its kind.
"""

from thalia.library.lookup import names

__all__ = ["names"]
