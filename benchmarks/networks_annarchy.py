"""Two standard networks in ANNarchy 5; see networks_thalia.py. It needs an environment of its own: ANNarchy and NumPy below 2.3."""

import time

import ANNarchy as ann  # noqa: N813
import numpy as np
from microcircuit import command_line, processor_seconds, report

options = command_line(network="coba", plastic=False)
started = processor_seconds()
network = ann.Network(dt=0.1, seed=options.seed)


def coba():
    neuron = ann.Neuron(
        equations=[
            ann.Variable("200.0*dv/dt = 10.0*(-60.0 - v) + g_exc*(0.0 - v) + g_inh*(-80.0 - v) + 200.0", method="exponential"),
            ann.Variable("5.0*dg_exc/dt = -g_exc", method="exponential"),
            ann.Variable("10.0*dg_inh/dt = -g_inh", method="exponential"),
        ],
        spike="v > -50.0", reset="v = -60.0", refractory=5.0,
    )  # fmt: skip
    cells = network.create(4000, neuron)
    cells.v = ann.Uniform(-60.0, -50.0)
    network.connect(cells[:3200], cells, "exc").fixed_probability(
        probability=0.02, weights=6.0, delays=0.1
    )
    network.connect(cells[3200:], cells, "inh").fixed_probability(
        probability=0.02, weights=67.0, delays=0.1
    )
    return cells, 3200, None


def brunel():
    neuron = ann.Neuron(
        equations=["v = 0.9950124791926823*v + g_exc - g_inh + 0.1*Binomial(1000, 0.002)"],  # exp(-dt/tau) of 0.1 and 20 ms
        spike="v >= 20.0", reset="v = 0.0", refractory=2.0,
    )  # fmt: skip
    stdp = ann.Synapse(
        equations=[
            ann.Variable("20.0*dx/dt = -x", method="event-driven"),
            ann.Variable("20.0*dy/dt = -y", method="event-driven"),
        ],
        pre_spike=["g_target += w", "x += 1.0", "w = clip(w - 0.0202*w*y, 0.0, 0.3)"],
        post_spike=["y += 1.0", "w = clip(w + 0.01*(0.3 - w)*x, 0.0, 0.3)"],
    )
    cells = network.create(10000, neuron)
    exc, inh = cells[:8000], cells[8000:]
    recurrent = network.connect(exc, exc, "exc", stdp if options.plastic else None)
    recurrent.fixed_number_pre(number=800, weights=0.1, delays=1.5)
    network.connect(exc, inh, "exc").fixed_number_pre(number=800, weights=0.1, delays=1.5)
    network.connect(inh, cells, "inh").fixed_number_pre(number=200, weights=0.5, delays=1.5)
    return cells, 8000, recurrent


cells, number, plastic = {"coba": coba, "brunel": brunel}[options.network]()
monitor = network.monitor(cells, ["spike"])
network.compile(directory=f"/tmp/annarchy-{options.network}-{options.plastic}", silent=True)
built = processor_seconds()
begin = time.perf_counter()
network.simulate(options.duration * 1e3)
simulated = time.perf_counter() - begin
counts = np.array([len(times) for _, times in sorted(monitor.get("spike").items())])
rates = [part.mean() / options.duration for part in (counts[:number], counts[number:])]
weight = (
    {"weight": round(float(np.mean([w for row in plastic.w for w in row])), 4)}
    if options.plastic
    else {}
)
report(
    "annarchy",
    options.seed,
    started,
    built,
    simulated,
    rates,
    options.duration,
    ["exc", "inh"],
    **weight,
)
