"""The network of Vogels & Abbott (2005), as benchmark 1 of Brette et al. (2007), in Brian2."""

import json
import sys

import numpy as np
from brian2 import *

seed(int(sys.argv[1]))
cells = NeuronGroup(
    4000,
    """dv/dt = (10*nS*(-60*mV - v) + ge*(0*mV - v) + gi*(-80*mV - v) + 200*pA)/(200*pF) : volt (unless refractory)
    dge/dt = -ge/(5*ms) : siemens
    dgi/dt = -gi/(10*ms) : siemens""",
    threshold="v >= -50*mV",
    reset="v = -60*mV",
    refractory=5 * ms,
    method="rk4",
)
cells.v = "-55*mV + 5*mV*randn()"
cells.ge = "clip(40 + 15*randn(), 0, inf)*nS"
cells.gi = "clip(200 + 120*randn(), 0, inf)*nS"
excitation = Synapses(cells[:3200], cells, on_pre="ge += 6*nS", delay=0.1 * ms)
excitation.connect(p=0.02)
inhibition = Synapses(cells[3200:], cells, on_pre="gi += 67*nS", delay=0.1 * ms)
inhibition.connect(p=0.02)
spikes = SpikeMonitor(cells)
run(1 * second)

# results
late = spikes.t > 0.2 * second
counts = np.bincount(spikes.i[late], minlength=4000)
print(json.dumps({"exc": counts[:3200].mean() / 0.8, "inh": counts[3200:].mean() / 0.8}))
