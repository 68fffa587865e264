"""The competition of Song, Miller & Abbott (2000) in Brian2."""

import json
import sys

import numpy as np
from brian2 import *

set_device("cpp_standalone", directory=None)
seed(int(sys.argv[1]))
rate, duration = float(sys.argv[2]) * Hz, float(sys.argv[3]) * second
g_max = 0.015
inputs = PoissonGroup(1000, rate)
inhibitory = PoissonGroup(200, 10 * Hz)
cell = NeuronGroup(
    1,
    """dv/dt = (-70*mV - v + ge*(0*mV - v) + gi*(-70*mV - v))/(20*ms) : volt
    dge/dt = -ge/(5*ms) : 1
    dgi/dt = -gi/(5*ms) : 1""",
    threshold="v >= -54*mV",
    reset="v = -60*mV",
    method="rk4",
)
cell.v = -70 * mV
excitation = Synapses(
    inputs,
    cell,
    """w : 1
    dpre_trace/dt = -pre_trace/(20*ms) : 1 (event-driven)
    dpost_trace/dt = -post_trace/(20*ms) : 1 (event-driven)""",
    on_pre="""ge += w
    pre_trace += 0.005*g_max
    w = clip(w - post_trace, 0, g_max)""",
    on_post="""post_trace += 0.00525*g_max
    w = clip(w + pre_trace, 0, g_max)""",
    delay={"pre": 0.1 * ms},
)
excitation.connect()
excitation.w = "rand()*g_max"
inhibition = Synapses(inhibitory, cell, on_pre="gi += 0.05", delay=0.1 * ms)
inhibition.connect()
spikes = SpikeMonitor(cell)
run(duration)

# results
weights = np.asarray(excitation.w) / g_max
late = np.mean(spikes.t > 0.8 * duration) * len(spikes.t) / (0.2 * float(duration))
found = {"rate": late, "weak": np.mean(weights < 0.1), "strong": np.mean(weights > 0.9)}
print(json.dumps({name: float(value) for name, value in found.items()}))
