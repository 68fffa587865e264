"""Two standard networks in Brian2's compiled mode, as its users write them; see networks_thalia.py."""

import tempfile

import brian2 as b2
import numpy as np
from brian2 import Hz, ms, mV, second
from microcircuit import command_line, processor_seconds, report

options = command_line(network="coba", plastic=False)
started = processor_seconds()
b2.set_device("cpp_standalone", build_on_run=False)
b2.prefs.devices.cpp_standalone.extra_make_args_unix = ["-j2"]
b2.defaultclock.dt = 0.1 * ms
b2.seed(options.seed)
generator = np.random.default_rng(options.seed)


def coba():
    cells = b2.NeuronGroup(
        4000,
        """dv/dt = (10*nS*(-60*mV - v) + ge*(0*mV - v) + gi*(-80*mV - v) + 200*pA)/(200*pF) : volt (unless refractory)
           dge/dt = -ge/(5*ms) : siemens
           dgi/dt = -gi/(10*ms) : siemens""",
        threshold="v > -50*mV", reset="v = -60*mV", refractory=5 * ms, method="exponential_euler",
    )  # fmt: skip
    cells.v = generator.uniform(-60, -50, 4000) * mV
    excitation = b2.Synapses(cells[:3200], cells, on_pre="ge_post += 6*nS", delay=0.1 * ms)
    inhibition = b2.Synapses(cells[3200:], cells, on_pre="gi_post += 67*nS", delay=0.1 * ms)
    excitation.connect(p=0.02)
    inhibition.connect(p=0.02)
    return cells, 3200, None, [excitation, inhibition]


def brunel():
    cells = b2.NeuronGroup(
        10000, "dv/dt = -v/(20*ms) : volt (unless refractory)", threshold="v >= 20*mV", reset="v = 0*mV", refractory=2 * ms,
        method="exact",
    )  # fmt: skip
    drive = b2.PoissonInput(cells, "v", N=1000, rate=20 * Hz, weight=0.1 * mV)
    exc, inh = cells[:8000], cells[8000:]
    if options.plastic:
        recurrent = b2.Synapses(
            exc, exc,
            """w : volt
               dx/dt = -x/(20*ms) : 1 (event-driven)
               dy/dt = -y/(20*ms) : 1 (event-driven)""",
            on_pre="v_post += w\nx += 1\nw = clip(w - 0.0202*w*y, 0*mV, 0.3*mV)",
            on_post="y += 1\nw = clip(w + 0.01*(0.3*mV - w)*x, 0*mV, 0.3*mV)", delay={"pre": 1.5 * ms},
        )  # fmt: skip
    else:
        recurrent = b2.Synapses(exc, exc, "w : volt", on_pre="v_post += w", delay=1.5 * ms)
    recurrent.connect(i=generator.integers(0, 8000, 800 * 8000), j=np.repeat(np.arange(8000), 800))
    recurrent.w = 0.1 * mV
    excitation = b2.Synapses(exc, inh, on_pre="v_post += 0.1*mV", delay=1.5 * ms)
    excitation.connect(i=generator.integers(0, 8000, 800 * 2000), j=np.repeat(np.arange(2000), 800))
    inhibition = b2.Synapses(inh, cells, on_pre="v_post -= 0.5*mV", delay=1.5 * ms)
    inhibition.connect(
        i=generator.integers(0, 2000, 200 * 10000), j=np.repeat(np.arange(10000), 200)
    )
    return cells, 8000, recurrent, [drive, recurrent, excitation, inhibition]


cells, number, plastic, others = {"coba": coba, "brunel": brunel}[options.network]()
monitor = b2.SpikeMonitor(cells)
network = b2.Network(cells, monitor, *others)
network.run(options.duration * second, namespace={})
with tempfile.TemporaryDirectory() as folder:
    b2.device.build(directory=folder, compile=True, run=False)
    built = processor_seconds()
    b2.device.run(directory=folder)
    simulated = b2.device._last_run_time
    counts = np.bincount(np.asarray(monitor.i), minlength=len(cells))
    rates = [part.mean() / options.duration for part in (counts[:number], counts[number:])]
    weight = (
        {"weight": round(float(np.mean(np.asarray(plastic.w / mV))), 4)} if options.plastic else {}
    )
report(
    "brian2",
    options.seed,
    started,
    built,
    simulated,
    rates,
    options.duration,
    ["exc", "inh"],
    **weight,
)
