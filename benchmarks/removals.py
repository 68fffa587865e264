"""What each part of the library does in a circuit: the circuit with it and without it, paired by seeds.

    uv run python -m benchmarks.removals [PART ...] [--missing] [--workers 4] [--seeds 5] [-o results/removals.json]

A rule or window is taken from the pathways that have it, a modulator, or one that is like it, stays at its baseline,
a pathway or a stimulus with the synapse is cut, the pathways across the border of a region transmit nothing and its cells
release nothing, a stimulus is left out, and neurons are replaced by leaky ones, or reach and release nothing if they are a source of spikes.
Measured are the rates of all populations over the whole run, and means and standard deviations of the weights of
plastic pathways. The one that changes most reliably is kept, with an interval that allows for the number of measures
(Bonferroni): a rate if there is one whose interval excludes zero, since a rule's own weights change without it anyhow. Long circuits are cut short, and brain and column are made smaller. Parts that a condition of a circuit or of an
experiment does without are not measured again: `docs/generate/removals.py` has them, and those without which nothing
runs. `--missing` measures what is not kept yet.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields, replace
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

import thalia
from docs.generate import uses
from docs.generate.removals import COMPARED, ESSENTIAL, RESULT, interval_of
from docs.generate.repository import ROOT
from plots.conditions import provenance

# cheapest first
CIRCUITS = (
    *("pair", "ping", "coba", "izhikevich", "receptors", "ring_attractor", "working_memory"),
    *("input_statistics", "striatum", "thalamus", "worm", "endocannabinoids", "correlated_inputs"),
    *("receptive_field", "cerebellum", "brunel", "prefrontal", "basal_ganglia", "song", "cortex"),
    *("reversal", "prediction", "capture", "cortical_column", "hippocampus", "brain", "schaffer"),
    *("direction", "track", "cotuned", "sleep_homeostasis", "balanced", "reward"),
    "predictive_column",
)
# what is shorter or smaller than written, as what a part does shows early
SHORTER: Mapping[str, Mapping[str, Any]] = {
    "brain": {"scale": 0.1, "phases.0.duration": "300 ms", "phases.1.duration": "700 ms"},
    "cerebellum": {"phases.1.duration": "15 s", "phases.2.duration": "1 s"},
    "correlated_inputs": {"phases.0.duration": "30 s", "phases.1.duration": "10 s"},
    "cortical_column": {
        "regions.v1.size": 1000,
        "phases.0.duration": "500 ms",
        "phases.2.duration": "500 ms",
    },
    "hippocampus": {
        "phases.0.duration": "1500 ms",
        "phases.1.duration": "100 ms",
        "phases.2.duration": "200 ms",
        "phases.3.duration": "200 ms",
    },
    "prediction": {"duration": "80 s"},
    "prefrontal": {"phases.4.duration": "500 ms"},
    "receptive_field": {"duration": "100 s"},
    "reversal": {"phases.0.duration": "12 s", "phases.1.duration": "12 s"},
}
# where the cheapest circuit shows nothing, as its cells fire without
ELSEWHERE = {("neurons", "spike_source"): "capture", ("synapses", "current_exp"): "cortex"}
REGIONS = "brain"  # where regions are cut: most others are one region alone
SOURCES = ("poisson", "regular", "spike_source", "tuned", "copies")
LEAKY = ("lif_conductance", "lif_current")
RULES = ("plasticity", "windows")
RATE = "rate of "
CONFIDENCE = 0.95
NOTHING_RELEASED = thalia.Modulator.model_validate(
    {"kind": "first_order", "parameters": {"amplitude": 0}}
).parameters
AS_GOOD_AS_NOTHING = 1e-9  # of a weight, which so keeps its sign

type Numbers = Mapping[str, float]


def place_of(part: uses.Part) -> tuple[str, str] | None:
    """The cheapest circuit that uses a part, and its condition; None if only experiments do."""
    places = [place for place in uses.uses().get(part, ()) if place.folder == "gallery"]
    if part in ELSEWHERE:
        return ELSEWHERE[part], ""
    if part[0] == "regions" and REGIONS in {place.name for place in places}:
        return REGIONS, ""
    places.sort(key=lambda place: (bool(place.variant), _cost(place.name), place.name))
    return (places[0].name, places[0].variant) if places else None


def _cost(circuit: str) -> int:
    """The place of a circuit among those that are listed, or behind them."""
    return CIRCUITS.index(circuit) if circuit in CIRCUITS else len(CIRCUITS)


def written_out(name: str, variant: str) -> thalia.Circuit:
    """A circuit in a condition, with its regions and tables expanded; it records what is measured."""
    file = ROOT / "circuits" / f"{name}.yaml"
    changes = dict(thalia.load(file).conditions[variant].set) if variant else {}
    written = thalia.load(file, set={**changes, **SHORTER.get(name, {})})
    circuit = thalia.expand(written).with_(regions=written.regions)
    learned = tuple(key for key, each in circuit.pathways.items() if each.rules)
    return circuit.with_(record=_record(learned))


def _record(learned: Iterable[str]) -> thalia.Record:
    return thalia.Record.model_validate({"weights": {"pathways": [*learned] or ["none"]}})


def without(circuit: thalia.Circuit, part: uses.Part) -> thalia.Circuit:
    """The circuit without a part, as the beginning of this file says.

    Its regions are no longer regions, or what was taken from them would come back from their templates.
    """
    return _cut(circuit, part).with_(regions={})


def _cut(circuit: thalia.Circuit, part: uses.Part) -> thalia.Circuit:
    kind, name = part
    if kind in RULES:
        return circuit.with_(
            pathways={
                key: pathway.with_(window="", plasticity=_others(pathway.rules, kind, name))
                for key, pathway in circuit.pathways.items()
            }
        )
    if kind == "modulators":
        alone = circuit.with_(populations={}, pathways={}, stimuli={})
        return _stilled(
            circuit,
            lambda key: part in alone.with_(modulators={key: circuit.modulators[key]}).parts_used(),
        )
    if kind == "stimuli":
        return circuit.with_(
            stimuli={key: each for key, each in circuit.stimuli.items() if each.kind != name}
        )
    if kind == "neurons" and name not in SOURCES:
        return _replaced(circuit, name)
    goes = partial(_goes, circuit, kind, name)
    if kind == "regions":
        return _silenced(circuit, goes, _inside(circuit, name))
    kept = {key: pathway for key, pathway in circuit.pathways.items() if not goes(pathway)}
    learned = [key for key in circuit.record.weights.pathways if key in kept]
    cut = circuit.with_(pathways=kept, record=_record(learned))
    if kind == "neurons":
        return _stilled(cut, lambda key: _is_released_by(circuit, key, name))
    through = {key for key, each in circuit.stimuli.items() if _is_through(each, name)}
    return cut.with_(stimuli={k: each for k, each in cut.stimuli.items() if k not in through})


def _stilled(circuit: thalia.Circuit, goes: Callable[[str], bool]) -> thalia.Circuit:
    """With modulators that stay at the level that they have without releases."""
    gone = {key for key in circuit.modulators if goes(key)}
    return circuit.with_(
        modulators={
            key: _still(each) if key in gone else each for key, each in circuit.modulators.items()
        },
        phases=tuple(
            phase.with_(modulators={k: v for k, v in phase.modulators.items() if k not in gone})
            for phase in circuit.phases
        ),
    )


def _is_released_by(circuit: thalia.Circuit, modulator: str, neuron: str) -> bool:
    """Whether all that releases a modulator are neurons of one model."""
    sources = circuit.modulators[modulator].released_by or ()
    return {circuit.populations[source].neuron for source in sources} == {neuron}


def _is_through(stimulus: thalia.Stimulus, synapse: str) -> bool:
    """Whether a stimulus acts through a synapse; currents act through none."""
    return bool(stimulus.synapse or stimulus.weight) and stimulus.through.part == synapse


def _others(rules: Iterable[thalia.RuleUse], kind: str, name: str) -> tuple[thalia.RuleUse, ...]:
    key = "window" if kind == "windows" else "rule"
    return tuple(rule for rule in rules if getattr(rule, key) != name)


def _still(modulator: thalia.Modulator) -> thalia.Modulator:
    """One that has the same level without releases, and gets none."""
    levels = {key: modulator.parameters.get(key, 0) for key in ("tonic", "baseline")}
    return thalia.Modulator.model_validate(
        {"kind": "first_order", "parameters": {"tau": "1 s", **levels}}
    )


def _goes(circuit: thalia.Circuit, kind: str, name: str, pathway: thalia.Pathway) -> bool:
    """Whether a pathway goes with the synapse, the source of spikes or the region of a name."""
    if kind == "synapses":
        return any(synapse.part == name for synapse in pathway.synapse)
    if kind == "neurons":
        return any(circuit.populations[pre].neuron == name for pre in pathway.pre)
    inside = _inside(circuit, name)
    ends = (*pathway.pre, *pathway.post)
    return len({end.partition(".")[0] in inside for end in ends}) == 2


def _inside(circuit: thalia.Circuit, template: str) -> set[str]:
    """The regions of a template."""
    return {region for region, use in circuit.regions.items() if use.template == template}


def _silenced(
    circuit: thalia.Circuit, goes: Callable[[thalia.Pathway], bool], regions: set[str]
) -> thalia.Circuit:
    """With pathways that transmit, and regions that release, as good as nothing: the same model, not compiled again."""
    return circuit.with_(
        modulators={
            key: each.with_(parameters={**each.parameters, **NOTHING_RELEASED})
            if {source.partition(".")[0] for source in each.released_by or ()} & regions
            else each
            for key, each in circuit.modulators.items()
        },
        pathways={
            key: pathway.with_(weight=((_faint(pathway.weight[0][0]),),))
            if goes(pathway)
            else pathway
            for key, pathway in circuit.pathways.items()
        },
    )


def _faint(weight: Any) -> Any:
    """A weight, or the drive that it should provide, as good as nothing."""
    if "share" in {field.name for field in fields(weight)}:  # of the rheobase
        return replace(weight, share=weight.share * AS_GOOD_AS_NOTHING, text="")
    return weight.scaled(AS_GOOD_AS_NOTHING)


def _replaced(circuit: thalia.Circuit, name: str) -> thalia.Circuit:
    """With leaky neurons in place of others, of the first kind that takes the same synapses."""
    changed = {key for key, each in circuit.populations.items() if each.neuron == name}
    refused: thalia.CircuitError | None = None
    for leaky in LEAKY:
        made = circuit.with_(
            populations={
                key: each.with_(neuron=leaky, preset="", parameters={}, initial={}, method=None)
                if key in changed
                else each
                for key, each in circuit.populations.items()
            },
            pathways={
                key: each.with_(compartment="") if changed.intersection(each.post) else each
                for key, each in circuit.pathways.items()
            },
            stimuli={
                key: each.with_(compartment="") if changed.intersection(each.target) else each
                for key, each in circuit.stimuli.items()
            },
        )
        try:
            thalia.plan_of(made)
        except thalia.CircuitError as error:
            refused = error
        else:
            if leaky != name:
                return made
    raise refused or AssertionError(name)


def numbers(run: thalia.Run, learned: Iterable[str]) -> dict[str, float]:
    """Rates of a run in Hz, and means and spreads of the last weights of pathways in their unit."""
    rates = {
        f"{RATE}{name} (Hz)": spikes.times.size / spikes.size / run.duration
        for name, spikes in run.spikes.items()
    }
    recorded = {name: run.weights[name] for name in learned}
    weights = {
        f"{what} of {name} ({each.unit})": float(measure(each.w[-1]))
        for name, each in recorded.items()
        for what, measure in (("weight", np.mean), ("spread of the weights", np.std))
    }
    return {**rates, **weights}


def measured(name: str, variant: str, part: uses.Part | None, seed: int) -> dict[str, float]:
    """The numbers of one run of a circuit, with everything or without a part."""
    circuit = written_out(name, variant)
    if part:
        circuit = without(circuit, part)
    with tempfile.TemporaryDirectory() as folder:
        run = thalia.run(circuit, seed=seed, output=f"{folder}/run.h5", progress=False, threads=1)
        learned = circuit.record.weights.pathways
        # other neurons have other weights to begin with, where these are given as drives, and what is cut has none
        rates_only = learned == ("none",) or (part and part[0] in ("neurons", "regions"))
        return numbers(run, [] if rates_only else learned)


def change(whole: Mapping[int, Numbers], cut: Mapping[int, Numbers]) -> dict[str, Any]:
    """The number whose paired difference is the most reliable, with its interval over seeds."""
    names = [name for name in next(iter(whole.values())) if name in next(iter(cut.values()))]
    confidence = 1 - (1 - CONFIDENCE) / len(names)
    found = {
        name: interval_of([cut[seed][name] - whole[seed][name] for seed in whole], confidence)
        for name in names
    }
    changed = [name for name in names if name.startswith(RATE) and found[name]["excludes_zero"]]
    name = max(changed or names, key=lambda name: _distance(found[name]["difference"]))
    return {
        "measure": name,
        "measures": len(names),
        "with": float(np.mean([numbers[name] for numbers in whole.values()])),
        **found[name],
    }


def _distance(difference: Numbers) -> float:
    """Half widths of the interval between its mean and zero."""
    half = (difference["high"] - difference["low"]) / 2
    if half == 0:
        return inf if difference["mean"] else 0.0
    return abs(difference["mean"]) / half


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help="such as windows/layer_5; by default all")
    parser.add_argument("--missing", action="store_true", help="only what is not kept yet")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("-o", "--output", type=Path, default=RESULT)
    options = parser.parse_args()
    asked = {tuple(part.split("/")) for part in options.parts} or {*uses.parts()}
    asked -= {*COMPARED, *ESSENTIAL}
    if options.missing:
        asked -= {tuple(part.split("/")) for part in _kept(options.output)}
    places = {part: place for part in asked if (place := place_of(part))}
    seeds = range(1, 1 + options.seeds)
    with ProcessPoolExecutor(options.workers) as pool:
        in_order = sorted(places.items(), key=lambda each: (_cost(each[1][0]), each))
        wanted = dict.fromkeys(  # each circuit as it is once, however many parts it is run without
            (*place, which) for part, place in in_order for which in (None, part)
        )
        runs = {key: {seed: pool.submit(measured, *key, seed) for seed in seeds} for key in wanted}
        for part, place in in_order:
            try:
                whole, cut = (
                    {seed: job.result() for seed, job in runs[*place, which].items()}
                    for which in (None, part)
                )
            except thalia.CircuitError as error:
                print("/".join(part), "was not measured:", error, file=sys.stderr, flush=True)
                continue
            where = {"folder": "gallery", "name": place[0], "condition": place[1]}
            found = {**where, **change(whole, cut)}
            _keep(options.output, "/".join(part), {**found, "seeds": [*seeds]})
            print("/".join(part), json.dumps(found), flush=True)


def _kept(file: Path) -> dict[str, Any]:
    """What was found of each part, by `kind/name`."""
    return dict(json.loads(file.read_text("utf-8"))["parts"]) if file.exists() else {}


def _keep(file: Path, part: str, found: Mapping[str, Any]) -> None:
    """Add what was found to the others in the file."""
    written = {**provenance("python -m benchmarks.removals"), "parts": {**_kept(file), part: found}}
    file.write_text(json.dumps(written, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
