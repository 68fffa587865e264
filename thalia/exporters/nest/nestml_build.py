"""The program that compiles the models of NESTML of an export."""

from thalia.exporters.nest.nestml_rules import RuleModel
from thalia.exporters.nest.network import Network

MODELS, BUILD, MODULE = "models.nestml", "build.py", "thaliamodule"

TEXT = '''"""Compile models.nestml, {names}, for the NEST of this Python.

    python build.py

It needs the package nestml, CMake and a C++ compiler, once.
"""

import sys
from pathlib import Path

import nest
from pynestml.frontend.pynestml_frontend import generate_nest_target

HERE = Path(__file__).parent
places = [Path(nest.build_info["prefix"]), Path(sys.prefix)]  # a wheel is built elsewhere
found = [each for each in places if (each / "bin" / "nest-config").exists()]
if not found:
    sys.exit("nest-config was not found: is NEST installed in this environment?")
generate_nest_target(
    input_path=str(HERE / "models.nestml"),
    target_path=str(HERE / "build"),
    install_path=str(HERE),
    module_name="{module}",
    logging_level="ERROR",
    codegen_opts={{
        "nest_path": str(found[0]),
        "neuron_synapse_pairs": {pairs},
        "weight_variable": {weights},
    }},
)
'''


def build_program(network: Network) -> str:
    """The text of the program."""
    names = ", ".join(each.name for each in network.models)
    pairs = [
        {
            "neuron": each.alone,
            "synapses": {rule.name: {"post_ports": ["post_spikes"]} for rule in each.rules},
        }
        for each in network.models
        if each.rules
    ]
    weights = {rule.name: "w" for rule in rules_of(network)}
    return TEXT.format(names=names, module=MODULE, pairs=pairs, weights=weights)


def model_texts(network: Network) -> str:
    """All models of NESTML of a network."""
    texts = [each.text for each in network.models] + [each.text for each in rules_of(network)]
    return "\n".join(texts)


def rules_of(network: Network) -> tuple[RuleModel, ...]:
    """The rules of NESTML of a network, each once."""
    return tuple(dict.fromkeys(rule for each in network.models for rule in each.rules))
