"""A receptive field by the triplet rule of Pfister & Gerstner (2006) with a constant sum of weights, in Brian2."""

import json
import sys

import numpy as np
from brian2 import *

seed(int(sys.argv[1]))
defaultclock.dt = 1 * ms
places = TimedArray((50 * (7 * np.arange(10) % 10) + 25), dt=100 * ms)
inputs = NeuronGroup(
    500,
    """distance = (i + 0.5 - places(t % second) + 250) % 500 - 250 : 1
    rate = 0.1*Hz + 15*Hz*exp(-(distance/10)**2/2) : Hz""",
    threshold="rand() < rate*dt",
)
cell = NeuronGroup(
    1,
    """dv/dt = (10*nS*(-60*mV - v) - ge*v)/(200*pF) : volt (unless refractory)
    dge/dt = -ge/(5*ms) : siemens
    total : siemens""",
    threshold="v >= -50*mV",
    reset="v = -60*mV",
    refractory=5 * ms,
    method="exponential_euler",
)
cell.v = -60 * mV
learn = Synapses(
    inputs,
    cell,
    """w : siemens
    dr1/dt = -r1/(16.8*ms) : 1 (event-driven)
    do1/dt = -o1/(33.7*ms) : 1 (event-driven)
    do2/dt = -o2/(114*ms) : 1 (event-driven)""",
    on_pre="""ge += w
    w = clip(w - 20*nS*0.0071*o1, 0*nS, 20*nS)
    r1 += 1""",
    on_post="""w = clip(w + 20*nS*0.0065*r1*o2, 0*nS, 20*nS)
    o1 += 1
    o2 += 1""",
    delay={"pre": 1 * ms},
)
learn.connect()
learn.w = "(0.5 + rand())*nS"
total = np.sum(learn.w)


@network_operation
def normalise():
    learn.w = np.clip(learn.w * total / np.sum(learn.w), 0 * nS, 20 * nS)


spikes = SpikeMonitor(cell)
run(200 * second)

# results
late = np.mean(spikes.t > 100 * second) * len(spikes.t) / 100
print(json.dumps({"rate": float(late), "weights": (learn.w / nS).tolist()}))
