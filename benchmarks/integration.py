"""Order and spike times of every neuron and receptor of the library against a solution to ten digits.

    uv run python -m benchmarks.integration

writes `docs/integration.json` and the tables of `docs/integration.md`, which a test compares. For the order each
neuron receives a current below its rheobase and some spikes; the error is that of the potential after 200 ms, at
steps of 0.2 to 0.025 ms. For spike times it fires all the while, and its spikes are compared one by one.
"""

import json
import tempfile
from functools import cache
from math import log2
from pathlib import Path

import h5py
import numpy as np

import thalia
from plots.conditions import provenance
from tests.tight import resolved, tight

DOCS = Path(__file__).parent.parent / "docs"
STEPS = (0.2, 0.1, 0.05, 0.025)
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
EXACT = 1e-10  # V, the error of ten digits of the solution
ARRIVALS = ("3 ms", "20 ms", "21 ms", "50 ms", "90 ms", "150 ms", "180 ms")

# currents below rheobase, and such that the neuron fires; and what it receives spikes through
NEURONS = {
    "adex": ("300 pA", "1200 pA", "ampa"),
    "adex_spike": ("300 pA", "1200 pA", "ampa"),
    "hodgkin_huxley": ("-150 pA", "500 pA", "ampa"),
    "izhikevich": ("30 pA", "200 pA", "ampa"),
    "leaky_readout": ("100 pA", "", "current_exp"),
    "lif_adaptive_threshold": ("100 pA", "400 pA", "current_exp"),
    "lif_burst": ("-40 pA", "140 pA", "ampa"),
    "lif_conductance": ("50 pA", "150 pA", "ampa"),
    "lif_current": ("100 pA", "450 pA", "current_exp"),
    "lif_plateau": ("100 pA", "700 pA", "current_exp"),
    "lif_surrogate": ("50 pA", "300 pA", "current_exp"),
    "lif_surrogate_adaptive": ("50 pA", "300 pA", "current_exp"),
    "liquid": ("100 pA", "300 pA", "current_exp"),
    "softmax": ("5 pA", "", "current_exp"),
    "two_compartment": ("100 pA", "700 pA", "current_exp"),
}
# those that draw spikes at random or are given them have no potential to integrate
SOURCES = ("copies", "latency", "poisson", "regular", "spike_source", "tuned")
# receptors, with the cell and the weight
RECEPTORS = {
    "ampa": ("lif_conductance", "2 nS"),
    "ampa_dual": ("lif_conductance", "2 nS"),
    "current_alpha": ("lif_current", "50 pA"),
    "current_exp": ("lif_current", "50 pA"),
    "delta": ("lif_current", "1 mV"),
    "gaba_a": ("lif_conductance", "5 nS"),
    "gaba_a_dual": ("lif_conductance", "5 nS"),
    "gaba_b": ("lif_conductance", "2 nS"),
    "nmda": ("lif_conductance", "2 nS"),
}
WEIGHTS = {"ampa": "2 nS", "current_exp": "50 pA"}
# what only scales the spikes that arrive, in closed form, or passes on a value in every step
WITHOUT_POTENTIAL = (
    "copy",
    "divisive_inhibition",
    "dse",
    "gap_junction",
    "graded",
    "graded_rate",
    "tsodyks_markram",
    "tsodyks_markram_baseline",
)


@cache
def circuit(dt):
    """Every neuron twice, below rheobase and firing, and every receptor on a cell."""
    cells, pathways, stimuli = [], [], []

    def add(name, neuron, current, synapse, weight):
        cells.append(f"  {name}: {{neuron: {neuron}, size: 1}}")
        stimuli.append(f"  {name}: {{kind: current, target: {name}, amplitude: {current}}}")
        pathways.append(
            f"  to_{name}: {{pre: given, post: {name}, connect: {{rule: all_to_all}}, synapse: {synapse}, "
            f"weight: {weight}, delay: 1 ms}}"
        )

    for name, (quiet, firing, synapse) in NEURONS.items():
        add(f"{name}_quiet", name, quiet, synapse, WEIGHTS[synapse])
        if firing:
            add(f"{name}_firing", name, firing, synapse, WEIGHTS[synapse])
    for name, (neuron, weight) in RECEPTORS.items():
        add(f"{name}_receptor", neuron, "20 pA", name, weight)
    return thalia.loads(
        "\n".join(
            [
                "thalia: 1", "name: integration", "duration: 200 ms", f"dt: {dt} ms", "record: {spikes: all}",
                "populations:", "  given: {neuron: spike_source, size: 1, excites_and_inhibits: every receptor is driven alike}", *cells, "pathways:", *pathways,
                "stimuli:", f"  given: {{kind: spikes, target: given, times: {{0: [{', '.join(ARRIVALS)}]}}}}", *stimuli,
            ]
        )
    )  # fmt: skip


def measure(steps, backend="runtime"):
    """By cell and step: the error of the potential at the end in V, and the errors of its spike times in ms."""
    found = {}
    for dt in steps:
        made = circuit(dt)
        with tempfile.TemporaryDirectory() as folder:
            run = thalia.run(made, backend=backend, output=Path(folder) / "run.h5")
            for name in made.populations:
                if name != "given":
                    found.setdefault(name, {})[f"{dt:g}"] = _errors(dt, run, name)
    return found


@cache
def resolved_at(dt):
    return resolved(circuit(dt))


@cache
def plan_at(dt):
    return thalia.plan_of(circuit(dt))


@cache
def solution_of(dt, name):
    """The tight solution of a cell."""
    return tight(resolved_at(dt), name)


def _errors(dt, run, name):
    solution, times = solution_of(dt, name), run.spikes[name].times
    group, member = plan_at(dt).population(name)
    with h5py.File(run.file) as file:
        last = file[f"state/{group.name}/v"][member.start]
    both = min(len(times), len(solution.spikes))
    errors = np.abs(times[:both] - solution.spikes[:both]) * 1e3
    early = solution.spikes[:both] <= 0.04
    return {
        "v": float(f"{abs(last - solution.last['v']):.2g}"),
        "spikes": len(solution.spikes),
        "missed": len(solution.spikes) - len(times),
        "at_40_ms": round(float(errors[early].max(initial=0)), 4),
        "at_200_ms": round(float(errors.max(initial=0)), 4),
    }


def order(errors):
    """The order of convergence from the errors at steps that halve; None where the solution is exact."""
    (_, before), (_, after) = list(errors.items())[-3:-1]
    return None if after["v"] < EXACT else round(log2(before["v"] / after["v"]), 2)


def tables(found):
    """The tables of the documentation, as Markdown."""
    lines = [
        "| neuron | order in v | error of v at 0.1 ms | spikes in 200 ms | error until 40 ms | until 200 ms | until 200 ms at 0.05 ms |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in NEURONS:
        quiet, firing = found[f"{name}_quiet"], found.get(f"{name}_firing")
        spikes = [
            str(firing["0.1"]["spikes"]),
            *(f"{firing[dt][key]:g} ms" for dt, key in (("0.1", "at_40_ms"), ("0.1", "at_200_ms"), ("0.05", "at_200_ms"))),
        ] if firing else ["-"] * 4  # fmt: skip
        lines.append(
            f"| `{name}` | {_order(quiet)} | {_millivolts(quiet)} | {' | '.join(spikes)} |"
        )
    lines += [
        "",
        "| receptor | on | order in v | error of v at 0.1 ms |",
        "| --- | --- | --- | --- |",
    ]
    for name, (neuron, _) in RECEPTORS.items():
        errors = found[f"{name}_receptor"]
        lines.append(f"| `{name}` | `{neuron}` | {_order(errors)} | {_millivolts(errors)} |")
    return "\n".join(lines)


def _order(errors):
    found = order(errors)
    return "exact" if found is None else f"{found:.2f}"


def _millivolts(errors):
    return f"{errors['0.1']['v'] * 1e3:.1g} mV"


def main():
    """Measure, and write the numbers and the tables."""
    found = measure(STEPS)
    kept = provenance("python -m benchmarks.integration") | {"cells": found}
    (DOCS / "integration.json").write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    page = DOCS / "integration.md"
    before, _, rest = page.read_text("utf-8").partition(BEGIN)
    text = f"{before}{BEGIN}\n\n{tables(found)}\n\n{END}{rest.partition(END)[2]}"
    page.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
