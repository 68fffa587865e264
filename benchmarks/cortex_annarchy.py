"""The cortical microcircuit in ANNarchy 5, without thalamic volleys, static or with pair STDP on excitatory to excitatory synapses.

One population, and one projection for each sign and rule. Two of its limits: synapses of the same pair are one (a few per cent), and
the Poisson drive is a Gaussian of the same mean and variance, for it has no Poisson counts. See networks_annarchy.py for its environment.
"""

import itertools
import time

import ANNarchy as ann  # noqa: N813
import numpy as np
from microcircuit import (
    DELAY,
    DELAY_SD,
    NAMES,
    TAU_SYN,
    V_MEAN,
    V_SD,
    command_line,
    processor_seconds,
    report,
    scaled,
)

options = command_line(rule="none")
started = processor_seconds()
circuit = scaled(options.scale)
generator = np.random.default_rng(options.seed)
sizes = circuit["sizes"]
ends = np.cumsum([0, *sizes])
network = ann.Network(dt=0.1, seed=options.seed)
neuron = ann.Neuron(
    parameters={"bias": ann.Parameter(0.0, locality="local"), "drive": ann.Parameter(0.0, locality="local"),
                "spread": ann.Parameter(0.0, locality="local")},
    equations=[
        ann.Variable("10.0*dv/dt = -65.0 - v + (g_exc + g_plastic - g_inh + bias)/25.0", method="exponential", init=-65.0),
        f"g_exc = g_exc*{np.exp(-0.1 / TAU_SYN)} + drive + spread*Normal(0.0, 1.0)",
        f"g_plastic = g_plastic*{np.exp(-0.1 / TAU_SYN)}",
        f"g_inh = g_inh*{np.exp(-0.1 / TAU_SYN)}",
    ],
    spike="v >= -50.0", reset="v = -65.0", refractory=2.0,
)  # fmt: skip
cells = network.create(int(ends[-1]), neuron)
per_step = np.repeat(circuit["external_rate"], sizes) * 1e-4
cells.v = generator.normal(np.repeat(V_MEAN, sizes), np.repeat(V_SD, sizes))
cells.bias = np.repeat(circuit["current"], sizes)
cells.drive = circuit["external_weight"] * per_step
cells.spread = circuit["external_weight"] * np.sqrt(per_step)


def drawn(pairs):
    """Sources, targets, weights and delays of some pathways, given as pairs of numbers of populations (post, pre)."""
    columns = []
    for row, column in pairs:
        count = int(circuit["synapses"][row, column])
        weight, kind = circuit["weights"][row, column], NAMES[column][-1]
        columns.append((
            generator.integers(ends[column], ends[column + 1], count), generator.integers(ends[row], ends[row + 1], count),
            np.abs(generator.normal(weight, abs(weight) * 0.1, count)),
            np.maximum(np.rint(generator.normal(DELAY[kind], DELAY_SD[kind], count) * 10), 1) / 10,
        ))  # fmt: skip
    return [np.concatenate(each) for each in zip(*columns, strict=True)]


def connect(target, pairs, synapse=None):
    pre, post, weight, delay = drawn(pairs)
    _, first, pair = np.unique(
        post * ends[-1] + pre, return_index=True, return_inverse=True
    )  # sorted by (post, pre)
    weight = np.bincount(pair, weight)  # of all synapses of a pair
    pre, post, delay = pre[first], post[first], delay[first]
    bounds = np.searchsorted(post, np.arange(ends[-1] + 1))

    def build(*populations):
        synapses = ann.LILConnectivity(0.1)
        for neuron in range(ends[-1]):
            rows = slice(bounds[neuron], bounds[neuron + 1])
            if rows.start < rows.stop:
                synapses.add(
                    neuron, pre[rows].tolist(), weight[rows].tolist(), delay[rows].tolist()
                )
        return synapses

    network.connect(cells, cells, target, synapse).from_function(build)


every = [
    (row, column) for row in range(8) for column in range(8) if circuit["synapses"][row, column]
]
between = [(row, column) for row, column in every if row % 2 == column % 2 == 0]
plastic = between if options.rule == "stdp_pair" else []
w_max = 2 * circuit["weights"].max()
stdp = ann.Synapse(
    equations=[
        ann.Variable("20.0*dx/dt = -x", method="event-driven"),
        ann.Variable("20.0*dy/dt = -y", method="event-driven"),
    ],
    pre_spike=["g_target += w", "x += 1.0", f"w = clip(w - {1.05e-5 * w_max}*y, 0.0, {w_max})"],
    post_spike=["y += 1.0", f"w = clip(w + {1e-5 * w_max}*x, 0.0, {w_max})"],
)
connect("exc", [pair for pair in every if pair[1] % 2 == 0 and pair not in plastic])
connect("inh", [pair for pair in every if pair[1] % 2 == 1])
if plastic:
    connect("plastic", plastic, stdp)
monitor = network.monitor(cells, ["spike"])
network.compile(directory=f"/tmp/annarchy-cortex-{options.rule}", silent=True)
built = processor_seconds()
begin = time.perf_counter()
network.simulate(options.duration * 1e3)
simulated = time.perf_counter() - begin
spikes = monitor.get("spike")
late = np.array([np.count_nonzero(np.array(spikes.get(k, [])) > 5000) for k in range(ends[-1])])
rates = [late[a:b].mean() / (options.duration - 0.5) for a, b in itertools.pairwise(ends)]
side = "annarchy" if options.rule == "none" else f"annarchy, {options.rule}"
report(side, options.seed, started, built, simulated, rates, options.duration)
