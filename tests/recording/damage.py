"""Damage to run files: one flipped bit or a cut, and what is read afterwards.

By hand, for the numbers in the README of the tests: `python -m tests.recording.damage 500 100`.
"""

import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

import thalia
from thalia.errors import CircuitError
from thalia.recording.run_file import Run
from thalia.simulation.diff import compare
from thalia.simulation.warm_start import Learned

TEXT = """
thalia: 1
name: small
dt: 0.1 ms
duration: 20 ms
populations:
  noise: {neuron: poisson, size: 8, parameters: {rate: 200 Hz}}
  cells: {neuron: lif_current, size: 4}
  player: {neuron: spike_source, size: 2}
modulators: {m: {kind: first_order, released_by: cells}}
pathways:
  p: {pre: noise, post: cells, connect: {rule: all_to_all}, synapse: current_exp, weight: "uniform(1 nA, 2 nA)", w_max: 4 nA, delay: 1 ms, plasticity: [stdp_pair]}
  q: {pre: player, post: cells, connect: {rule: all_to_all}, synapse: current_exp, weight: 1 nA, delay: 1 ms}
stimuli: {given: {kind: spikes, target: player, file: given.csv}}
record:
  spikes: all
  weights: {pathways: [p], every: 5 ms}
  traces: {v: {population: cells, variables: [v], every: 1 ms, neurons: 2}}
"""


def small_run(folder):
    """A run of everything that a run file can hold."""
    (folder / "given.csv").write_text("0,3\n1,4.5\n")
    (folder / "small.yaml").write_text(TEXT)
    return thalia.run(folder / "small.yaml", backend="runtime", output=folder / "run.h5").file


def everything(file):
    """All that can be read of a run, as something to compare."""
    run = Run(file)
    arrays = [
        [getattr(each, key) for key in each.__dataclass_fields__]
        for kind in (run.spikes, run.weights, run.modulators)
        for each in kind.values()
    ]
    arrays += [[each.time, each.neurons, *each.values()] for each in run.traces.values()]
    plain = [[np.asarray(value).tolist() for value in each] for each in arrays]
    learned = Learned.of(file)
    state = {name: values.tobytes() for name, values in learned.saved.variables.items()}
    texts = (run.attributes, run.structure, run.results, run.circuit_files, run.files_beside)
    return repr((plain, texts, learned.saved.step, learned.saved.counts)), state


def flipped(raw, rng):
    """One bit, half of the time of a byte that is not zero, where most of what matters is."""
    at = rng.randrange(len(raw))
    if rng.random() < 0.5:
        at = rng.choice(np.flatnonzero(np.frombuffer(raw, "u1")))
    damaged = bytearray(raw)
    damaged[at] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def cut(raw, rng):
    """The beginning of a file, often of nearly all of it."""
    return raw[
        : rng.randrange(len(raw)) if rng.random() < 0.7 else len(raw) - rng.randrange(1, 2000)
    ]


def outcome(file, raw, expected, original):
    """`same`, `told`, or what went wrong."""
    file.write_bytes(raw)
    try:
        found, differences = everything(file), compare(original, file)
    except CircuitError as error:
        return "told" if str(error).startswith(str(file)) else f"told of something else: {error}"
    except Exception as error:
        return f"traceback: {type(error).__name__}: {error}"
    return "same" if found == expected and not differences else "silent difference"


def main(flips, cuts):
    with tempfile.TemporaryDirectory() as folder:
        original = small_run(Path(folder))
        raw, expected, rng = original.read_bytes(), everything(original), random.Random(1)
        for kind, change, count in (("flips", flipped, flips), ("cuts", cut, cuts)):
            outcomes = (
                outcome(Path(folder) / "damaged.h5", change(raw, rng), expected, original)
                for _ in range(count)
            )
            print(kind, dict(Counter(outcomes)))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
