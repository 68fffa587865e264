"""The microcircuit with a rule on every excitatory-to-excitatory pathway, in Thalia.

python benchmarks/plasticity_thalia.py --rule stdp_pair --scale 0.1 --duration 2 --seed 1
"""

import tempfile
from pathlib import Path

from microcircuit import NAMES, command_line, processor_seconds, report

import thalia

options = command_line(rule="none")
EXCITATORY = {name for name in NAMES if name.endswith("e")}
# so small that the activity stays that of the static circuit, and the sides do the same work
AMPLITUDES = {"stdp_pair": {"a_plus": 1e-5, "a_minus": 1.05e-5},
              "stdp_triplet": {"a2_plus": 1e-6, "a3_plus": 1e-5, "a2_minus": 1e-5, "a3_minus": 1e-6}}  # fmt: skip

circuit = thalia.expand(
    thalia.load(
        Path(__file__).parent.parent / "circuits" / "cortex.yaml", {"stimuli.volley.rate": "0 Hz"}
    )
)
rules = (
    ()
    if options.rule == "none"
    else (
        thalia.RuleUse.model_validate(
            {"rule": options.rule, "parameters": AMPLITUDES[options.rule]}
        ),
    )
)
pathways = {
    name: pathway.model_copy(
        update={"plasticity": rules if {pathway.pre[0], pathway.post[0]} <= EXCITATORY else ()}
    )
    for name, pathway in circuit.pathways.items()
}
circuit = circuit.with_(pathways=pathways, phases=())
with tempfile.TemporaryDirectory() as folder:
    started = processor_seconds()
    run = thalia.run(circuit, output=f"{folder}/run.h5", scale=options.scale, seed=options.seed, duration=f"{options.duration} s",
                     set={"record.weights.pathways": "none"})  # fmt: skip
    seconds = run.results["timings_s"]
    built = processor_seconds() - seconds["simulate"] - seconds["store"]
    report(f"thalia, {options.rule}", options.seed, started, built, seconds["simulate"],
           [run.rates[name] for name in NAMES], options.duration)  # fmt: skip
