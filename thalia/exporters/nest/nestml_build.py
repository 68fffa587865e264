"""The program that compiles the models of NESTML of an export."""

from thalia.exporters.nest.nestml_rules import TOLD, WEIGHT, RuleModel
from thalia.exporters.nest.network import Network

MODELS, BUILD, MODULE = "models.nestml", "build.py", "thaliamodule"

TEXT = '''"""Compile models.nestml, {names}, for the NEST of this Python.

    python build.py

It needs the package nestml, CMake and a C++ compiler, once.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nest
{imported}from pynestml.frontend.pynestml_frontend import generate_nest_target

HERE = Path(__file__).parent
CONFIGURATION = """#!/bin/sh
case "$1" in
    --compiler) echo "{{compiler}}" ;;
    --cflags) echo "-O3 -DNDEBUG -fopenmp -std=c++20 {{strings}}" ;;
    --includes) echo "-I{{headers}}" ;;
    --static-libraries) echo OFF ;;
    --version) echo "{{version}}" ;;
    --prefix) echo "{{prefix}}" ;;
    *) echo ;;
esac
"""


def nest_path():
    """Where bin/nest-config is; a wheel tells of another machine, so that one is written."""
    places = [Path(nest.build_info["prefix"]), Path(sys.prefix)]
    found = [each for each in places if (each / "bin" / "nest-config").exists()]
    if not found:
        sys.exit("nest-config was not found: is NEST installed in this environment?")
    asked = [str(found[0] / "bin" / "nest-config"), "--compiler"]
    if shutil.which(subprocess.run(asked, capture_output=True, text=True).stdout.strip()):
        return found[0]
    compiler = shutil.which(os.environ.get("CXX", "c++"))
    if not (compiler and shutil.which("cmake")):
        sys.exit("no C++ compiler and CMake were found: install g++ and cmake, or set CXX")
    given = {{"input": "#include <boost/type_index.hpp>", "capture_output": True, "text": True}}
    if subprocess.run([compiler, "-E", "-x", "c++", "-"], **given).returncode:
        sys.exit("NEST's headers need those of Boost: apt-get install libboost-dev, or set CPATH")
    package = Path(nest.__file__).parent
    kernel = (package / "nestkernel_api.so").read_bytes()
    file = HERE / "nest" / "bin" / "nest-config"
    file.parent.mkdir(parents=True, exist_ok=True)
    text = CONFIGURATION.format(
        compiler=compiler,
        # as the wheel is compiled, with the strings of before 2015 or with those of today
        strings="-D_GLIBCXX_USE_CXX11_ABI=0" if b"nest11BadPropertyC1ESs" in kernel else "",
        headers=package / "include" / "nest",
        version=nest.__version__,
        prefix=HERE / "nest",
    )
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)
    return HERE / "nest"


{mending}generate_nest_target(
    input_path=str(HERE / "models.nestml"),
    target_path=str(HERE / "build"),
    install_path=str(HERE),
    module_name="{module}",
    logging_level="ERROR",
    codegen_opts={{
        "nest_path": str(nest_path()),
        "neuron_synapse_pairs": {pairs},
        "weight_variable": {weights},
        "strictly_synaptic_vars": {variables},  # not in the neuron, at other times
    }},
)
'''
# of synapses: spikes of one step that release a modulator count as one; where they were read is not
# told at the beginning; and times that are the same differ in the last digit
COUNTED = ("double released = 1.;", "double released = vt_spikes[ vt_spikes_idx_ ].multiplicity_;")
BEGINNING = ("size_t vt_spikes_idx_;", "size_t vt_spikes_idx_ = 0;")
COINCIDING = (
    "start->t_ == __t_spike - __dendritic_delay",
    "std::abs( start->t_ - ( __t_spike - __dendritic_delay ) ) "
    "< kernel().connection_manager.get_stdp_eps()",
)
MENDING = '''def build(builder, usual=NESTBuilder.build):
    """Compile what was generated, without mistakes that the synapses of NESTML 9.0 have."""
    for name, changes in {changes}.items():
        file = HERE / "build" / f"{{name}}.h"
        text = file.read_text(encoding="utf-8")
        for generated, right in changes:
            if generated not in text:
                sys.exit(f"{{name}}.h is not as NESTML 9.0 generates it: it has no {{generated!r}}")
            text = text.replace(generated, right)
        file.write_text(text, encoding="utf-8")
    usual(builder)


NESTBuilder.build = build

'''


def build_program(network: Network) -> str:
    """The text of the program."""
    rules = rules_of(network)
    ports = {"post_ports": ["post_spikes"], "vt_ports": [TOLD]}
    pairs = [
        {"neuron": each.alone, "synapses": {rule.name: ports for rule in each.rules}}
        for each in network.models
        if each.rules
    ]
    changes = {
        each.synapse(rule): [COINCIDING, COUNTED, BEGINNING]
        for each in network.models
        for rule in each.rules
    }
    return TEXT.format(
        imported="from pynestml.codegeneration.nest_builder import NESTBuilder\n" if rules else "",
        mending=f"{MENDING.format(changes=changes)}" if rules else "",
        names=", ".join(each.name for each in network.models),
        module=MODULE,
        pairs=pairs,
        weights={rule.name: WEIGHT for rule in rules},
        variables={rule.name: list(rule.variables) for rule in rules},
    )


def model_texts(network: Network) -> str:
    """All models of NESTML of a network."""
    texts = [each.text for each in network.models] + [each.text for each in rules_of(network)]
    return "\n".join(texts)


def rules_of(network: Network) -> tuple[RuleModel, ...]:
    """The rules of NESTML of a network, each once."""
    return tuple(dict.fromkeys(rule for each in network.models for rule in each.rules))
