"""The PING network of Susin & Destexhe (2021) in Brian2, shortened from their program (ModelDB 267039)."""

import json
import sys

import numpy as np
from brian2 import *

seed(int(sys.argv[1]))
equations = """
dv/dt = (10*nS*(-65*mV - v) + 10*nS*slope*exp((v + 50*mV)/slope) - ge*v + gi*(-80*mV - v) - w)/(150*pF) : volt (unless refractory)
dw/dt = (a*(v + 65*mV) - w)/(500*ms) : amp
dge/dt = -ge/(1*ms) : siemens
dgi/dt = -gi/(7.5*ms) : siemens
slope : volt (constant)
a : siemens (constant)
b : amp (constant)"""
cells = NeuronGroup(
    25000,
    equations,
    threshold="v > -50*mV + 5*slope",
    reset="v = -65*mV; w += b",
    refractory=5 * ms,
    method="euler",
)
rs, fs = cells[:20000], cells[20000:]
rs.slope, rs.a, rs.b = 2 * mV, 4 * nS, 20 * pA
fs.slope = 0.5 * mV
cells.v = "-65*mV + 15*mV*rand()"
external = PoissonInput(cells, "ge", N=400, rate=3 * Hz, weight=4 * nS)
excitation = Synapses(rs, cells, on_pre="ge += 5*nS", delay=1.5 * ms)
excitation.connect(p=0.02)
inhibition = Synapses(fs, cells, on_pre="gi += 10*nS/3", delay=1.5 * ms)
inhibition.connect(p=0.02)
spikes = SpikeMonitor(cells)
run(1 * second)

# results
times, fast = np.asarray(spikes.t), np.asarray(spikes.i) >= 20000
settled = times > 0.2
np.save(sys.argv[2], times[settled & fast])
rates = [np.sum(settled & ~fast) / 20000 / 0.8, np.sum(settled & fast) / 5000 / 0.8]
print(json.dumps({"rs": rates[0], "fs": rates[1]}))
