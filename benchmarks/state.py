"""What keeping the state costs: chunks, recording, and a checkpoint of millions of plastic synapses.

Each side runs in turn in a process of its own, on the compiled backend; ratios are of the time to simulate and to store.

uv run python -m benchmarks.state --seconds 20 --rounds 3

The medians are kept in results/speed/state.json.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py

from benchmarks.tables import SPEED, keep

CORTEX = Path(__file__).parent.parent / "circuits" / "cortex.yaml"
NOTHING = {"record.spikes": "none", "record.weights.pathways": "none"}
SIDES = {
    "one chunk, nothing recorded": {"chunk": "{seconds} s", "set": NOTHING},
    "chunks of 1 s, nothing recorded": {"chunk": "1 s", "set": NOTHING},
    "chunks as they come, nothing recorded": {"set": NOTHING},
    "chunks as they come, spikes and weights recorded": {},
}


def side(name: str, options: argparse.Namespace) -> dict[str, float]:
    """Seconds of simulating and storing a tenth of the microcircuit."""
    import thalia

    given = dict(SIDES[name])
    if "chunk" in given:
        given["chunk"] = given["chunk"].format(seconds=options.seconds)
    with tempfile.TemporaryDirectory() as folder:
        run = thalia.run(
            CORTEX, scale=0.1, duration=f"{options.seconds} s", seed=options.seed, output=f"{folder}/run.h5",
            checkpoint_every=f"{options.seconds} s", **given,
        )  # fmt: skip
        times = run.results["timings_s"]
        return {"seconds": times["simulate"] + times["store"], "rates": sum(run.rates.values())}


def checkpoint(options: argparse.Namespace) -> dict[str, float]:
    """Seconds to keep the state of three million plastic synapses, and its bytes in the file against those in memory."""
    import thalia

    circuit = {
        "thalia": 1, "name": "plastic", "duration": "1 s", "dt": "1 ms",
        "populations": {"pre": {"neuron": "poisson", "size": 1732, "parameters": {"rate": "5 Hz"}},
                        "post": {"neuron": "lif_current", "size": 1732}},
        "pathways": {"p": {"pre": "pre", "post": "post", "connect": {"rule": "all_to_all"}, "synapse": "current_exp",
                           "weight": "0.1 pA", "delay": "1 ms", "plasticity": ["stdp_pair"]}},
        "record": {"weights": {"pathways": "none"}},
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        spent = []
        for every in ("1 s", "250 ms"):  # once, at the end, and four times
            run = thalia.run(
                thalia.loads(json.dumps(circuit)),
                output=f"{folder}/run.h5",
                overwrite=True,
                checkpoint_every=every,
            )
            spent.append(run.results["timings_s"]["store"])
        with h5py.File(run.file) as h5:
            held = 0

            def count(name: str, node: object) -> None:
                nonlocal held
                if isinstance(node, h5py.Dataset):
                    held += node.nbytes

            h5["state"].visititems(count)
        return {
            "seconds": (spent[1] - spent[0]) / 3,
            "bytes": held,
            "ratio": run.file.stat().st_size / held,
        }


def in_its_own_process(what: str, options: argparse.Namespace, seed: int) -> dict[str, float]:
    arguments = ["--side", what, "--seconds", str(options.seconds), "--seed", str(seed)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.state", *arguments],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def table(options: argparse.Namespace) -> None:
    found: dict[str, list[float]] = {name: [] for name in SIDES}
    rates: dict[int, set[float]] = {}
    for round_ in range(options.rounds + 1):  # the first round compiles
        for name in SIDES:
            result = in_its_own_process(name, options, round_ + 1)
            rates.setdefault(round_, set()).add(round(result["rates"], 9))
            if round_:
                found[name].append(result["seconds"])
    assert all(len(each) == 1 for each in rates.values()), "every side simulates the same"
    first = statistics.median(found[next(iter(SIDES))])
    medians = {name: statistics.median(values) for name, values in found.items()}
    kept = in_its_own_process("checkpoint", options, 1)
    keep(
        options.output,
        f"python -m benchmarks.state --seconds {options.seconds:g} --rounds {options.rounds}",
        {"rtf": "times model time", "relative": "relative"},
        {
            name: {"rtf": each / options.seconds, "relative": each / first}
            for name, each in medians.items()
        },
        seeds=range(2, options.rounds + 2),  # that of the first round, which compiles, is 1
        checkpoint={
            "s": kept["seconds"],
            "MB": kept["bytes"] / 1e6,
            "file over state": kept["ratio"],
        },
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", default="all", choices=["all", "checkpoint", *SIDES])
    for name, default in (("rounds", 3), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("-o", "--output", type=Path, default=SPEED / "state.json")
    chosen = parser.parse_args()
    if chosen.side == "all":
        table(chosen)
    elif chosen.side == "checkpoint":
        print(json.dumps(checkpoint(chosen)))
    else:
        print(json.dumps(side(chosen.side, chosen)))
