"""What pruning saves: processor time per second of model time, and memory, with its rounds charged.

uv run python benchmarks/structural.py --sources 2000 --rounds 3

Poisson neurons onto leaky neurons that other input makes fire, with pair STDP, in steps of 1 ms, on one thread. Sides run in turn:

whole     every potential synapse is there, and none is pruned
pruned_1  `structural` keeps a quarter of them connected, with a round every second
pruned_10 with a round every ten seconds
sparse    as many synapses as are connected there, drawn once, and none else in memory
"""

import argparse
import resource
import statistics
import tempfile

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


def measured(side: str) -> tuple[float, float]:
    """Processor seconds from the first step to the last, and the rate of the cells."""
    with tempfile.TemporaryDirectory() as folder:
        started = 0.0

        def begins(what: str, fraction: float, detail: str = "") -> None:
            nonlocal started
            started = started or (processor_seconds() if what == "simulating" else 0.0)

        given = {"threads": 1, "backend": "cpp", "progress": begins}
        run = thalia.run(circuit(*SIDES[side]), output=f"{folder}/run.h5", **given)
        return processor_seconds() - started, run.results["rates_hz"]["cells"]


def main() -> None:
    found: dict[str, list[float]] = {side: [] for side in SIDES}
    rates = {}
    for side in SIDES:
        measured(side)  # compiles
    for _ in range(options.rounds):
        for side in SIDES:
            seconds, rates[side] = measured(side)
            found[side].append(seconds / options.seconds)
    print("| side | processor s per s of model time | ratio to whole | rate of the cells, Hz |")
    print("| --- | --- | --- | --- |")
    for side, times in found.items():
        ratio = statistics.median(a / b for a, b in zip(times, found["whole"], strict=True))
        print(f"| {side} | {statistics.median(times):.3f} | {ratio:.2f} | {rates[side]:.2f} |")


main()
