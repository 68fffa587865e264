"""What each component of the library does, as curves: windows, protocols, f-I curves, responses.

    uv run python -m benchmarks.library [KIND/NAME ...] [--workers 4] [-o results/library.json]

measures those named, or all, and puts them into the file, from which the site draws them. A result is kept as
soon as it is there, with version, date, backend and machine.
"""

import argparse
import json
import math
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import thalia
from benchmarks.integration import NEURONS, RECEPTORS
from plots.conditions import provenance
from plots.rules import FOR_ALL_INPUTS, LED_BY_ERRORS, NEURON, SHOWN_BY
from thalia.library import names

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results" / "library.json"
CURRENTS = 41  # of an f-I curve
SETTLE, MEASURE = 500, 1000  # ms, of each
NOT_SHOWN = {"softmax", "leaky_readout"}  # neurons that do not fire
# rules that change nothing without another one
WITH_OTHERS = {"use_dependent"}
SPIKE, RESPONSE = 10, 150  # ms
RELEASE = 1.0  # s
ONCE = f"[{{at: {RELEASE:g} s, amount: 1}}]"
# modulators without releases of their own, with what drives them
DRIVEN = {
    "follower": f"released: {{kind: first_order, tau: 50 ms, schedule: {ONCE}}}, level: {{kind: follower, input: released}}",
}
RELEASES = ("tsodyks_markram", "tsodyks_markram_baseline")
TRAIN = np.array([*np.arange(10) * 0.05 + 0.01, 0.96])  # s: ten spikes of 20 Hz, and a later one
STIMULATED = 2.0  # s
SIZE = {"amplitude": 100e-12, "rate": 100.0}  # in SI, of what is nothing by default
UNIT_OF, SCALE = {"amplitude": "pA", "rate": "Hz"}, {"amplitude": 1e12, "rate": 1.0}
EMPTY = thalia.Circuit(name="empty")  # which finds parts of the library


def rule(name: str) -> dict[str, Any]:
    """The window of a rule, or what a protocol shows of it."""
    if name in SHOWN_BY:
        protocol, settings = SHOWN_BY[name]
        neuron = {"neuron": NEURON[name]} if name in NEURON else {}
        found = thalia.protocol(protocol, name, settings=settings, **neuron)
        return {"shown_by": protocol, "settings": settings, "result": asdict(found)}
    noise = {"sigma": 0} if name == "stdp_calcium" else {}
    return _window(name, noise, 60 if noise else 1)


def window(name: str) -> dict[str, Any]:
    """A published window, by its rule and numbers."""
    part: Any = EMPTY.part("windows", name)
    settings = {key: str(value) for key, value in part.values.items()}
    settings |= {key: text for key in ("preset", "pairing") if (text := getattr(part, key))}
    noisy = part.rule == "stdp_calcium"
    return _window(part.rule, settings | ({"sigma": 0} if noisy else {}), 60 if noisy else 1)


def _window(name: str, settings: dict[str, Any], pairs: int) -> dict[str, Any]:
    backend = {} if pairs > 1 else {"backend": "runtime"}
    intervals, change = thalia.window(name, pairs=pairs, settings=settings, **backend)
    return {
        "shown_by": "window",
        "settings": settings,
        "pairs": pairs,
        "interval_ms": rounded(intervals),
        "change": rounded(change),
    }


def neuron(name: str) -> dict[str, Any]:
    """Firing rate against constant current."""
    amount, unit = NEURONS[name][1].split()
    largest = 2 * float(amount)
    circuit = thalia.loads(f"""
thalia: 1
name: curve
duration: {SETTLE + MEASURE} ms
dt: 0.05 ms
populations: {{cells: {{neuron: {name}, size: {CURRENTS}}}}}
stimuli: {{drive: {{kind: current, target: cells, amplitude: "spread(0 {unit}, {largest:g} {unit})"}}}}
""")
    with tempfile.TemporaryDirectory() as folder:
        run = thalia.run(circuit, output=f"{folder}/run.h5")
        found = run.spikes["cells"]
        late = found.neurons[found.times > SETTLE / 1e3]
        counts = np.bincount(late.astype(int), minlength=CURRENTS)
    return {
        "unit": unit,
        "current": rounded(np.linspace(0, largest, CURRENTS)),
        "rate_hz": rounded(counts / (MEASURE / 1e3)),
    }


def synapse(name: str) -> dict[str, Any]:
    """The potential of a cell at rest after one spike; what a train releases, of part of a synapse."""
    if name in RELEASES:
        return _release(name)
    cell, weight = RECEPTORS[name]
    circuit = thalia.loads(f"""
thalia: 1
name: response
duration: {RESPONSE} ms
dt: 0.1 ms
populations: {{source: {{neuron: spike_source, size: 1}}, cell: {{neuron: {cell}, size: 1}}}}
pathways:
  one: {{pre: source, post: cell, connect: {{rule: one_to_one}}, synapse: {name}, weight: {weight}, delay: 1 ms}}
stimuli: {{once: {{kind: spikes, target: source, times: {{0: [{SPIKE} ms]}}}}}}
record: {{traces: {{potential: {{population: cell, variables: [v], every: 0.5 ms}}}}}}
""")
    with tempfile.TemporaryDirectory() as folder:
        run = thalia.run(circuit, output=f"{folder}/run.h5", backend="runtime")
        traces = run.traces["potential"]
        time, v = traces.time * 1e3, traces["v"][:, 0]
        unit = traces.units["v"]
    return {"cell": cell, "weight": weight, "unit": unit, "time_ms": rounded(time), "v": rounded(v)}


def _release(name: str) -> dict[str, Any]:
    """The fraction of the weight that each spike of a train releases."""
    times = TRAIN * 1e3
    circuit = thalia.loads(f"""
thalia: 1
name: train
duration: {times[-1] + 50:g} ms
dt: 0.1 ms
populations: {{source: {{neuron: spike_source, size: 1}}, cell: {{neuron: lif_current, size: 1}}}}
pathways:
  one: {{pre: source, post: cell, connect: {{rule: one_to_one}}, synapse: [{name}, {{part: current_exp, tau: 0.2 ms}}],
        weight: 1 pA, delay: 0.1 ms}}
stimuli: {{train: {{kind: spikes, target: source, times: {{0: [{", ".join(f"{t:g} ms" for t in times)}]}}}}}}
record: {{traces: {{input: {{population: cell, variables: [current_exp_i], every: 0.1 ms}}}}}}
""")
    with tempfile.TemporaryDirectory() as folder:
        run = thalia.run(circuit, output=f"{folder}/run.h5", backend="runtime")
        traces = run.traces["input"]
        current = traces["current_exp_i"][:, 0]
        peaks = [current[traces.time >= time][:20].max() for time in TRAIN]
    return {"spike_ms": rounded(times), "released": rounded(peaks)}


def stimulus(name: str) -> dict[str, Any]:
    """The current, or the rate of one source, over time: the formula of the kind with its numbers."""
    part: Any = EMPTY.part("stimuli", name)
    values = {key: each.default.mean for key, each in part.parameters.items()}
    size = "amplitude" if part.current else "rate"
    values[size] = values[size] or SIZE[size]  # those with a default of 0 give nothing
    if "velocity" in values:
        values["centre"] = 0.0
    time = np.linspace(0, STIMULATED, 1001)
    formula = part.current or part.rate
    known = {**values, **{key: getattr(math, key) for key in ("exp", "sin", "pi")}, "x": 0.0}
    found = [float(eval(formula, known | {"t": t})) for t in time]  # of this repository
    return {
        "unit": UNIT_OF[size],
        "time_s": rounded(time),
        "value": rounded(np.array(found) * SCALE[size]),
    }


def modulator(name: str) -> dict[str, Any]:
    """The level after a release of 1."""
    circuit = thalia.loads(f"""
thalia: 1
name: release
duration: {2 if name in DRIVEN else 20} s
dt: 5 ms
populations: {{none: {{neuron: spike_source, size: 1}}}}
modulators: {{{DRIVEN.get(name, f"level: {{kind: {name}, schedule: {ONCE}}}")}}}
record: {{modulators: {5 if name in DRIVEN else 50} ms}}
""")
    with tempfile.TemporaryDirectory() as folder:
        run = thalia.run(circuit, output=f"{folder}/run.h5", backend="runtime")
        level = run.modulators["level"]
        return {"time_s": rounded(level.time), "level": rounded(level.value)}


def rounded(values: Iterable[float]) -> list[float]:
    """Five digits, which no picture shows all of."""
    return [float(f"{value:.5g}") for value in values]


def is_released(name: str) -> bool:
    part: Any = EMPTY.part("modulators", name)
    return bool(part.on_release or (part.like and is_released(part.like)))


KINDS: dict[str, tuple[Callable[[str], dict[str, Any]], list[str]]] = {
    "plasticity": (
        rule,
        [
            each
            for each in names("plasticity")
            if each not in {*LED_BY_ERRORS, *FOR_ALL_INPUTS, *WITH_OTHERS}
        ],
    ),
    "windows": (window, list(names("windows"))),
    "neurons": (neuron, [name for name in NEURONS if name not in NOT_SHOWN]),
    "synapses": (synapse, [*RECEPTORS, *RELEASES]),
    "stimuli": (stimulus, [name for name in names("stimuli") if name != "spikes"]),
    "modulators": (
        modulator,
        [name for name in names("modulators") if is_released(name) or name in DRIVEN],
    ),
}


def measured(part: str) -> tuple[str, dict[str, Any]]:
    """A component, `kind/name`, and its curve."""
    kind, _, name = part.partition("/")
    return part, KINDS[kind][0](name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    every = [f"{kind}/{name}" for kind, (_, listed) in KINDS.items() for name in listed]
    kept = json.loads(options.output.read_text("utf-8")) if options.output.exists() else {}
    with ProcessPoolExecutor(options.workers) as pool:
        for job in [pool.submit(measured, part) for part in options.parts or every]:
            part, curve = job.result()
            kept[part] = {**curve, **provenance("python -m benchmarks.library")}
            options.output.write_text(_text(kept), "utf-8")
            print(part, flush=True)


def _text(kept: dict[str, Any]) -> str:
    """One component a line, so that a change shows which one."""
    lines = [f"{json.dumps(part)}: {json.dumps(kept[part])}" for part in sorted(kept)]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    main()
