"""The components that circuits are built from: one YAML file each, found by its name.

`schema` defines what a component may contain; `lookup` finds one in the library or next to a
circuit. There is no registration: a new neuron, synapse, rule, modulator, stimulus or region is a
new file in the folder of its kind.
"""

from thalia.library.lookup import names

__all__ = ["names"]


def __dir__() -> list[str]:
    """The public names only, for tab completion."""
    return __all__
