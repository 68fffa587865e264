"""The cortical microcircuit written the usual way in Brian2: one group per population, one Synapses per pathway.

python benchmarks/cortex_brian2.py --scale 0.1 --duration 2 --seed 1 [--rule stdp_pair]

With a rule, it is on every pathway from excitatory to excitatory neurons, and there are no thalamic volleys, as in plasticity_thalia.py.
"""

import tempfile
import time

import brian2 as b2
import numpy as np
from brian2 import Hz, ms, mV, pA, pF, second
from microcircuit import (
    DELAY,
    DELAY_SD,
    NAMES,
    TAU_SYN,
    V_MEAN,
    V_SD,
    VOLLEY,
    command_line,
    processor_seconds,
    report,
    scaled,
)  # fmt: skip

options = command_line(rule="none")

started = processor_seconds()
circuit = scaled(options.scale)
b2.set_device("cpp_standalone", build_on_run=False)
b2.prefs.devices.cpp_standalone.extra_make_args_unix = ["-j2"]
b2.defaultclock.dt = 0.1 * ms
b2.seed(options.seed)
generator = np.random.default_rng(options.seed)

parameters = {"tau_m": 10 * ms, "tau_syn": TAU_SYN * ms, "c_m": 250 * pF, "e_l": -65 * mV}
equations = """
dv/dt = (e_l - v)/tau_m + (i_syn + i_dc)/c_m : volt (unless refractory)
di_syn/dt = -i_syn/tau_syn : amp
i_dc : amp (constant)
"""
groups, everything = {}, []
for index, name in enumerate(NAMES):
    group = b2.NeuronGroup(
        circuit["sizes"][index], equations, threshold="v >= -50*mV", reset="v = -65*mV", refractory=2 * ms,
        method="exact", namespace=parameters, name=name,
    )  # fmt: skip
    group.v = generator.normal(V_MEAN[index], V_SD[index], circuit["sizes"][index]) * mV
    group.i_dc = circuit["current"][index] * pA
    drive = b2.PoissonInput(
        group,
        "i_syn",
        N=round(circuit["external_rate"][index] / 8),
        rate=8 * Hz,
        weight=circuit["external_weight"] * pA,
    )
    groups[name] = group
    everything += [group, drive]


def truncated(mean, sd, size, least, most=np.inf):
    values = generator.normal(mean, sd, size)
    while (outside := (values < least) | (values > most)).any():
        values[outside] = generator.normal(mean, sd, outside.sum())
    return values


def connect(synapses, count, pre_size, post_size, weight, kind):
    synapses.connect(
        i=generator.integers(0, pre_size, count), j=generator.integers(0, post_size, count)
    )
    bounds = (0, np.inf) if weight > 0 else (-np.inf, 0)
    synapses.w = truncated(weight, abs(weight) * 0.1, count, *bounds) * pA
    delay = truncated(DELAY[kind], DELAY_SD[kind], count, 0.1) * ms
    synapses.pre.delay = delay


EVENT_DRIVEN = """w : amp
    dx/dt = -x/(20*ms) : 1 (event-driven)
    dy/dt = -y/(20*ms) : 1 (event-driven)"""
# as small as in plasticity_thalia.py, so that the activity is that of the static circuit
PAIR = (
    "i_syn_post += w\nx += 1\nw = clip(w - 1.05e-5*w_max*y, 0*amp, w_max)",
    "y += 1\nw = clip(w + 1e-5*w_max*x, 0*amp, w_max)",
)
for row, post in enumerate(NAMES):
    for column, pre in enumerate(NAMES):
        if count := circuit["synapses"][row, column]:
            plastic = options.rule == "stdp_pair" and row % 2 == column % 2 == 0
            made = b2.Synapses(
                groups[pre], groups[post], EVENT_DRIVEN if plastic else "w : amp", name=f"{pre}_{post}",
                on_pre=PAIR[0] if plastic else "i_syn_post += w", on_post=PAIR[1] if plastic else None,
                namespace={"w_max": 2 * circuit["weights"].max() * pA},
            )  # fmt: skip
            connect(
                made,
                count,
                circuit["sizes"][column],
                circuit["sizes"][row],
                circuit["weights"][row, column],
                pre[-1],
            )
            everything.append(made)

volley = {
    "rate": VOLLEY["rate"] * Hz,
    "start": VOLLEY["start"] * ms,
    "width": VOLLEY["width"] * ms,
    "period": VOLLEY["period"] * ms,
}
thalamus = b2.NeuronGroup(
    circuit["thalamic_size"], "r = rate*int(t >= start)*int((t - start) % period < width) : Hz",
    threshold="rand() < r*dt", namespace=volley, name="th",
)  # fmt: skip
everything.append(thalamus)
stdp = {
    "tau_plus": 20 * ms,
    "tau_minus": 40 * ms,
    "a_plus": 0.005,
    "a_minus": 0.002625,
    "w_max": 2 * circuit["external_weight"] * pA,
}
for row, post in enumerate(NAMES):
    if count := circuit["thalamic_synapses"][row] if options.rule == "none" else 0:
        made = b2.Synapses(
            thalamus, groups[post],
            """w : amp
               dx/dt = -x/tau_plus : 1 (event-driven)
               dy/dt = -y/tau_minus : 1 (event-driven)
               plastic : 1 (shared)""",
            on_pre="i_syn_post += w\nx += 1\nw = clip(w - plastic*a_minus*w_max*y, 0*amp, w_max)",
            on_post="y += 1\nw = clip(w + plastic*a_plus*w_max*x, 0*amp, w_max)",
            namespace=stdp, name=f"th_{post}",
        )  # fmt: skip
        connect(
            made,
            count,
            circuit["thalamic_size"],
            circuit["sizes"][row],
            circuit["external_weight"],
            "e",
        )
        made.plastic = 1
        everything.append(made)

monitors = {name: b2.SpikeMonitor(group, name=f"spikes_{name}") for name, group in groups.items()}
network = b2.Network(*everything, *monitors.values())
network.run(options.duration * second, namespace={})
with tempfile.TemporaryDirectory() as folder:
    b2.device.build(directory=folder, compile=True, run=False)
    built = processor_seconds()
    begin = time.perf_counter()
    b2.device.run(directory=folder)
    simulated = b2.device._last_run_time
    rates = [
        np.count_nonzero(np.asarray(monitors[name].t / second) >= 0.5)
        / (size * (options.duration - 0.5))
        for name, size in zip(NAMES, circuit["sizes"], strict=True)
    ]
    side = "brian2 by hand" if options.rule == "none" else f"brian2 by hand, {options.rule}"
    report(side, options.seed, started, built, simulated, rates, options.duration)
