"""What pruning saves: processor time per second of model time, and memory, with its rounds charged.

uv run python benchmarks/structural.py --sources 2000 --rounds 3

Poisson neurons onto leaky neurons that other input makes fire, with pair STDP, in steps of 1 ms, on one thread. Sides run in turn:

whole     every potential synapse is there, and none is pruned
pruned_1  `structural` keeps a quarter of them connected, with a round every second
pruned_10 with a round every ten seconds
kept_10   the same, but those that are not connected stay in memory, where spikes pass them by
sparse    as many synapses as are connected there, drawn once, and none else in memory

Memory is what is resident of the program that simulates, and of the process that commands it, when the run ends.
"""

import argparse
import os
import resource
import statistics
import tempfile
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

import thalia

parser = argparse.ArgumentParser()
parser.add_argument("--sources", type=int, default=2000)
parser.add_argument("--cells", type=int, default=500)
parser.add_argument("--rate", type=float, default=10.0, help="of the sources, in Hz")
parser.add_argument("--seconds", type=float, default=20.0, help="of model time")
parser.add_argument("--rounds", type=int, default=3)
options = parser.parse_args()
STRUCTURAL = ", {{rule: structural, filled: 0.25, growth: 0.5, interval: {} s}}"
SIDES = {
    "whole": ("{rule: all_to_all}", ""),
    "pruned_1": ("{rule: all_to_all}", STRUCTURAL.format(1)),
    "pruned_10": ("{rule: all_to_all}", STRUCTURAL.format(10)),
    "kept_10": ("{rule: all_to_all}", STRUCTURAL.format(10)),
    "sparse": (f"{{rule: fixed_indegree, number: {options.sources // 4}, multapses: false}}", ""),
}


def circuit(connect: str, structural: str) -> thalia.Circuit:
    return thalia.loads(f"""
thalia: 1
name: structural
dt: 1 ms
duration: {options.seconds} s
populations:
  source: {{neuron: poisson, size: {options.sources}, parameters: {{rate: {options.rate} Hz}}}}
  cells: {{neuron: lif_current, size: {options.cells}}}
pathways:
  p: {{pre: source, post: cells, connect: {connect}, synapse: delta, weight: "uniform(0 mV, 0.01 mV)", w_max: 0.01 mV, delay: 1 ms,
      plasticity: [stdp_pair{structural}]}}
stimuli: {{drive: {{kind: poisson, target: cells, rate: 300 Hz, synapse: delta, weight: 3 mV}}}}
record: {{spikes: []}}
""")


def processor_seconds() -> float:
    """Of this process and of the programs that it ran."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def resident(process: int) -> float:
    """MB of a process."""
    pages = int(Path(f"/proc/{process}/statm").read_text("utf-8").split()[1])
    return pages * resource.getpagesize() / 1e6


def children() -> list[int]:
    """The processes that this one has started."""
    lists = Path("/proc/self/task").glob("*/children")
    return [int(each) for file in lists for each in file.read_text("utf-8").split()]


def measured(side: str) -> tuple[float, float, float, float]:
    """Processor seconds from the first step to the last, the rate of the cells, MB of the program and of this process."""
    with tempfile.TemporaryDirectory() as folder:
        started, memory = 0.0, (0.0, 0.0)

        def begins(what: str, fraction: float, detail: str = "") -> None:
            nonlocal started, memory
            if what == "simulating":
                started = started or processor_seconds()
                memory = max(map(resident, children()), default=memory[0]), resident(os.getpid())

        given = {"threads": 1, "backend": "cpp", "progress": begins}
        with (
            patch("thalia.backends.loading.is_compacted", lambda *_: False)
            if side == "kept_10"
            else nullcontext()
        ):
            run = thalia.run(circuit(*SIDES[side]), output=f"{folder}/run.h5", **given)
        return processor_seconds() - started, run.results["rates_hz"]["cells"], *memory


def main() -> None:
    found: dict[str, list[tuple[float, ...]]] = {side: [] for side in SIDES}
    for side in SIDES:
        measured(side)  # compiles
    for _ in range(options.rounds):
        for side in SIDES:
            seconds, *others = measured(side)
            found[side].append((seconds / options.seconds, *others))
    print(
        "| side | processor s per s of model time | ratio to whole | rate of the cells, Hz | program, MB | commands, MB |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for side, rounds in found.items():
        ratio = statistics.median(a[0] / b[0] for a, b in zip(rounds, found["whole"], strict=True))
        seconds, rate, program, commands = map(statistics.median, zip(*rounds, strict=True))
        print(
            f"| {side} | {seconds:.3f} | {ratio:.2f} | {rate:.2f} | {program:.0f} | {commands:.0f} |",
            flush=True,
        )


main()
