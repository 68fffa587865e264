"""Izhikevich (2003) in Brian2; a spike acts a step later than in his program, as in circuits/izhikevich.yaml."""

import json
import sys

import numpy as np
from brian2 import *

seed(int(sys.argv[1]))
defaultclock.dt = 1 * ms
cells = NeuronGroup(
    1000,
    """v : 1
    u : 1
    I : 1
    noise : 1
    type : 1 (constant)
    inhibits = int(i >= 800) : 1
    a = 0.02 + 0.08*type*inhibits : 1
    b = 0.2 + (0.05 - 0.05*type)*inhibits : 1""",
    threshold="v >= 30",
    reset="""v = -65 + 15*type**2*(1 - inhibits)
    u += 8 - 6*type**2*(1 - inhibits) - 6*inhibits""",
)
cells.type = "rand()"
cells.v = -65
cells.u = "b*v"
cells.run_regularly(
    """noise = (5 - 3*inhibits)*randn()
    v += 0.5*(0.04*v**2 + 5*v + 140 - u + I + noise)
    v += 0.5*(0.04*v**2 + 5*v + 140 - u + I + noise)
    u += a*(b*v - u)
    I = 0""",
)
excitation = Synapses(cells[:800], cells, "w : 1", on_pre="I += w", delay=0 * ms)
excitation.connect()
excitation.w = "0.5*rand()"
inhibition = Synapses(cells[800:], cells, "w : 1", on_pre="I -= w", delay=0 * ms)
inhibition.connect()
inhibition.w = "rand()"
spikes = SpikeMonitor(cells)
run(2 * second)

# results
counts = np.bincount(spikes.i, minlength=1000)
print(json.dumps({"e": counts[:800].mean() / 2, "i": counts[800:].mean() / 2}))
