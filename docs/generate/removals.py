"""What changes when a part of the library is taken away: in a circuit, or in an experiment.

`benchmarks/removals.py` runs circuits without a part, and keeps the numbers in
`results/removals.json`; where a circuit or an experiment has a condition without it, that counts.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from math import hypot
from typing import Any

import numpy as np

import thalia
from docs.generate.repository import ROOT
from docs.generate.uses import Part, Place, parts

RESULT = ROOT / "results" / "removals.json"
LEARNING = ROOT / "results" / "learning"
CIRCUITS = ROOT / "results" / "circuits"
# the conditions of an experiment and of a circuit in which nothing is changed
AS_IT_IS, AS_WRITTEN = "learning", "baseline"
LEAST_SEEDS = 2  # of which there is an interval


@dataclass(frozen=True)
class Compared:
    """An experiment or a circuit, its conditions with a part and without it, and what is compared.

    Without a `measure`, the result of the experiment.
    """

    folder: str
    name: str
    without: str
    with_it: str
    measure: str = ""


def _experiment(name: str, without: str, with_it: str = AS_IT_IS, measure: str = "") -> Compared:
    return Compared("experiments", name, without, with_it, measure)


def _circuit(name: str, without: str, measure: str, with_it: str = AS_WRITTEN) -> Compared:
    return Compared("gallery", name, without, with_it, measure)


COMPARED: Mapping[Part, Compared] = {
    ("neurons", "latency"): _experiment("cue_reward", AS_IT_IS, "latency_code"),
    ("neurons", "lif_adaptive_threshold"): _experiment(
        "iris", "fixed_thresholds", measure="silent"
    ),
    ("neurons", "lif_plateau"): _experiment("sequences", "dendrite_cut"),
    ("neurons", "lif_surrogate_adaptive"): _experiment("evidence_accumulation", "no_adaptation"),
    ("neurons", "liquid"): _experiment("liquid", "residual_only"),
    ("neurons", "tuned"): _experiment("regression", "sine_by_rates", "sine"),
    ("plasticity", "covariance_reward"): _experiment("regression", "plasticity_off"),
    ("plasticity", "delta_rule"): _experiment("tokens", "plasticity_off"),
    ("plasticity", "dopamine_stdp"): _experiment("credit", "plasticity_off"),
    ("plasticity", "eprop"): _experiment("pattern_generation", "readout_only"),
    ("plasticity", "eprop_adaptive"): _experiment("evidence_accumulation", "no_signal"),
    ("plasticity", "feedback_alignment"): _experiment("pattern_generation", AS_IT_IS, "adaptive"),
    ("plasticity", "instar"): _experiment("task_sequence", "plasticity_off"),
    ("plasticity", "outstar"): _experiment("one_shot", "plasticity_off"),
    ("plasticity", "permanence"): _experiment("sequences", "plasticity_off"),
    ("plasticity", "presynaptic_reward"): _experiment("odours", "plasticity_off"),
    ("plasticity", "stdp_homeostatic"): _experiment("digits", "plasticity_off", "homeostatic"),
    ("plasticity", "time_scales"): _experiment("spacing", "plasticity_off"),
    ("plasticity", "use_dependent"): _experiment("tokens", "constant_rate"),
    ("plasticity", "stdp_symmetric"): _experiment("pattern_completion", "plasticity_off"),
    ("plasticity", "stdp_triplet"): _experiment("digits", "plasticity_off", "triplet"),
    ("plasticity", "parallel_fibre"): _circuit(
        "cerebellum", "plasticity_off", "tone, nuclei (Hz more than before)"
    ),
    ("windows", "parallel_fibre"): _circuit(
        "cerebellum", "plasticity_off", "tone, nuclei (Hz more than before)"
    ),
    ("plasticity", "predictive"): _circuit("predictive_column", "rule_off", "index"),
    ("neurons", "lif_conductance"): _circuit("coba", "hodgkin_huxley", "exc"),
    ("neurons", "hodgkin_huxley"): _circuit("coba", AS_WRITTEN, "exc", "hodgkin_huxley"),
    ("neurons", "copies"): _circuit("input_statistics", "independent", "coincident (Hz)"),
    ("synapses", "copy"): _circuit("input_statistics", "independent", "coincident (Hz)"),
    ("synapses", "dse"): _circuit("endocannabinoids", "receptors_blocked", "cck lost early"),
    ("synapses", "gap_junction"): _circuit(
        "worm", "without_coupling", "neurons that move by 0.01 mV (share)"
    ),
    ("synapses", "tsodyks_markram"): _circuit(
        "working_memory", "no_facilitation", "item, delay (Hz)"
    ),
    ("stimuli", "poisson_bump"): _circuit("input_statistics", "still_bump", "following"),
    ("stimuli", "poisson_sine"): _circuit("input_statistics", "no_rhythm", "slow rhythm"),
    ("modulators", "fluctuating"): _circuit("input_statistics", "no_fluctuation", "correlation"),
    **{
        ("modulators", receptor): _circuit("receptors", f"{receptor}_blocked", receptor)
        for receptor in (
            "alpha1",
            "beta",
            "d1",
            "d2",
            "ht1a",
            "ht2a",
            "ht2c",
            "m1",
            "m2",
            "nicotinic",
        )
    },
    ("plasticity", "bcm"): _circuit("orientation", "no_bcm", "v1.l4 selectivity, 5 min"),
    ("plasticity", "stdp_calcium"): _circuit("schaffer", "plasticity_off", "change (%)"),
    ("plasticity", "stdp_inhibitory"): _circuit("cotuned", "plasticity_off", "correlation after"),
    ("plasticity", "stdp_voltage"): _circuit("direction", "plasticity_off", "to the next (pA)"),
    ("plasticity", "synaptic_scaling"): _circuit(
        "deprivation", "no_scaling", "cortex deprived, last 100 s, Hz"
    ),
    ("plasticity", "three_factor"): _circuit("prediction", "plasticity_off", "cue (Hz)"),
    ("plasticity", "weight_decay"): _circuit(
        "sleep_homeostasis", "no_decay", "weight in the morning (pA)"
    ),
    ("windows", "ca3_recurrent_asymmetric"): _circuit("track", "symmetric", "direction"),
    ("windows", "ca3_to_ca1_calcium"): _circuit("schaffer", "plasticity_off", "change (%)"),
    ("windows", "gaba_auditory"): _circuit("cotuned", "plasticity_off", "correlation after"),
    ("regions", "septum"): _circuit(
        "hippocampus", "septum_cut", "height of theta's peak (times the median)"
    ),
    ("synapses", "nmda"): _circuit("prefrontal", "nmda_blocked", "first, delay (Hz)"),
    ("stimuli", "current_bump"): _circuit("ring_attractor", "no_cue", "sharpness"),
    ("modulators", "adenosine"): _circuit(
        "sleep_homeostasis", "antagonist", "response late in the day (Hz)"
    ),
    ("modulators", "first_order"): _circuit("prefrontal", "no_dopamine", "first, delay (Hz)"),
    ("modulators", "sleep_pressure"): _circuit(
        "sleep_homeostasis", "constant_pressure", "slow waves after it (Hz)"
    ),
}
# parts without which what uses them cannot be written
ESSENTIAL: Mapping[Part, str] = {
    ("neurons", "adex_spike"): "`stdp_voltage` reads the variables of this neuron, and of no other",
    (
        "neurons",
        "leaky_readout",
    ): "it is what error-driven rules train: without it nothing is read out",
    ("neurons", "lif_surrogate"): "`eprop` needs the pseudo-derivative of this neuron",
    ("neurons", "regular"): "it is the input of its experiments",
    ("neurons", "softmax"): "it is the output of its experiments: without it nothing is predicted",
    ("synapses", "divisive_inhibition"): "without it the outputs of `softmax` are no probabilities",
    ("synapses", "graded"): "errors and readouts, which do not spike, are sent by it alone",
    ("synapses", "graded_rate"): "outputs of `softmax`, which do not spike, are sent by it alone",
    ("regions", "mushroom_body"): "`odours` is this region and its input",
}


def interval_of(differences: list[float], confidence: float = 0.95) -> dict[str, Any]:
    """The mean of paired differences and its interval, and whether zero is outside of it."""
    found = thalia.analysis.mean_interval(np.array(differences), confidence)
    outside = not found.low <= 0 <= found.high
    return {"difference": {**asdict(found), "n": len(differences)}, "excludes_zero": outside}


@cache
def removals() -> Mapping[Part, dict[str, Any]]:
    """What was measured of each part, in which `condition` of what is `name` in a `folder`."""
    kept = json.loads(RESULT.read_text("utf-8"))["parts"] if RESULT.exists() else {}
    rows = {part: compared(COMPARED[part]) for part in COMPARED}
    rows = {part: rows.get(part) or kept.get("/".join(part)) for part in parts()}
    return {part: row for part, row in rows.items() if row}


def compared(pair: Compared) -> dict[str, Any] | None:
    """A part in two conditions, paired by seeds; None where these were not both measured."""
    numbers = _in_circuit if pair.folder == "gallery" else _in_experiment
    changed = pair.with_it if pair.without in (AS_IT_IS, AS_WRITTEN) else pair.without
    place = {"folder": pair.folder, "name": pair.name, "condition": changed}
    found = numbers(pair)
    return {**place, **found} if found else None


def _in_circuit(pair: Compared) -> dict[str, Any] | None:
    """From what `benchmarks/circuits.py` keeps."""
    kept = json.loads((CIRCUITS / f"{pair.name}.json").read_text("utf-8"))
    sides = (kept["conditions"].get(name, {}) for name in (pair.with_it, pair.without))
    whole, cut = (
        {**side.get("rates_hz", {}), **side.get("measures", {})}.get(pair.measure) for side in sides
    )
    if not whole or not cut:
        return None
    difference = cut.get("difference") or _as_if_independent(whole, cut)
    is_rate = pair.measure in kept["conditions"][pair.with_it].get("rates_hz", {})
    return {
        "measure": f"rate of {pair.measure} (Hz)" if is_rate else pair.measure,
        "with": whole["mean"],
        "difference": difference,
        "excludes_zero": not difference["low"] <= 0 <= difference["high"],
    }


def _as_if_independent(whole: Mapping[str, float], cut: Mapping[str, float]) -> dict[str, float]:
    """The interval of a difference whose pairs were not kept, wider than that of pairs."""
    mean = cut["mean"] - whole["mean"]
    half = hypot(*((each["high"] - each["low"]) / 2 for each in (whole, cut)))
    fewer = min(whole["n"], cut["n"])
    return {"mean": mean, "low": mean - half, "high": mean + half, "n": fewer}


def _in_experiment(pair: Compared) -> dict[str, Any] | None:
    """From the results of seeds; those of a rule are in a file of their own."""
    files = [json.loads(f.read_text("utf-8")) for f in sorted(LEARNING.glob(f"{pair.name}*.json"))]
    summaries = [summary for summary in files if summary["experiment"] == pair.name]
    conditions = {name: each for one in summaries for name, each in one["conditions"].items()}
    if not {pair.with_it, pair.without} <= conditions.keys():
        return None
    measure = pair.measure or summaries[0]["result"]
    whole, cut = (conditions[name]["seeds"][measure] for name in (pair.with_it, pair.without))
    seeds = sorted(whole.keys() & cut.keys(), key=int)
    if len(seeds) < LEAST_SEEDS:
        return None
    return {
        "measure": measure,
        "with": float(np.mean([whole[seed] for seed in seeds])),
        **interval_of([cut[seed] - whole[seed] for seed in seeds]),
        "seeds": [int(seed) for seed in seeds],
    }


def told(part: Part) -> str:
    """What taking a part away changes, as a paragraph; or why it is not taken away."""
    if part in ESSENTIAL:
        return f"It is not taken away: {ESSENTIAL[part]}.\n"
    row = removals().get(part)
    if row is None:
        return ""
    place = Place(row["folder"], row["name"], row["condition"]).link
    where, measure = f"In {place}, taking it away", f"the {row['measure']}"
    over = f"with it {row['with']:.3g}; {row['difference']['n']} seeds"
    if not row["excludes_zero"]:
        return f"{where} changes nothing that was measured beyond chance ({over}).\n"
    return f"{where} changes {measure} by {_interval(row)} ({over}).\n"


def _interval(row: Mapping[str, Any]) -> str:
    difference = row["difference"]
    return f"{difference['mean']:.3g} [{difference['low']:.3g}, {difference['high']:.3g}]"


def table() -> str:
    """All parts, where they were taken away, and what changed."""
    lines = [["part", "where", "measure", "with it", "change without it", "seeds"], ["---"] * 6]
    for part, row in removals().items():
        condition = f" ({row['condition']})" if row["condition"] else ""
        changed = _interval(row) if row["excludes_zero"] else f"{_interval(row)}: none"
        cells = [f"`{row['name']}`{condition}", row["measure"], f"{row['with']:.3g}", changed]
        lines.append([f"`{part[1]}`", *cells, str(row["difference"]["n"])])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
