"""Every plasticity rule in one figure: its window or its curve, beside what was measured.

python plots/rules.py rules.png
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from thalia import parts
from thalia.figures import save, styled
from thalia.figures_protocols import draw_protocol, draw_window
from thalia.protocols import protocol, window

# what shows a rule best where it is no window of single pairs: a protocol with settings, or nothing (factors of the neuron)
SHOWN_BY = {
    "bcm": ("rates", {"tau_theta": "1000 s"}),
    "stdp_homeostatic": ("rates", {"eta": 0.002}),
    "stdp_inhibitory": ("rates", {"eta": 0.001}),
    "stdp_triplet": ("frequency", {"preset": "visual_cortex"}),
    # the published amplitudes are those of a weight of one half before; measured changes are fractions of that weight
    "stdp_voltage": ("bursts", {"a_ltd": "0.00028 1/mV", "a_ltp": "0.00016 1/mV**2"}),
    "synaptic_scaling": None, "normalise": None, "heterosynaptic": None,
}  # fmt: skip
NEURON = {"stdp_voltage": {"b": "0.0805 pA"}}  # as in the authors' program
# Mishra et al. (2016): intervals in ms, change of the EPSP in %
MISHRA = np.array([-100, -50, -20, -10, 0, 10, 20, 50, 100]), np.array([21.9, 31.1, 52.2, 48.5, 50.2, 77.8, 40.1, 41.4, 14.1])


@styled
def gallery() -> Figure:
    names = [name for name in parts.names("plasticity") if SHOWN_BY.get(name, True)]
    figure = Figure(figsize=(12, 3.1 * -(-len(names) // 3)))
    for name, axes in zip(names, figure.subplots(-(-len(names) // 3), 3).flat, strict=False):
        axes.set_title(name)
        if how := SHOWN_BY.get(name):
            neuron = {"neuron": NEURON[name]} if name in NEURON else {}
            result = protocol(how[0], name, settings=how[1], **neuron)
            draw_protocol(axes, result)
            axes.set(xlabel=result.x_label, ylabel="w / w_max" + (" / s" if how[0] == "rates" else ""))
            continue
        noise = {"sigma": 0} if name == "stdp_calcium" else {}
        intervals, change = window(name, pairs=60 if noise else 1, settings=noise)
        draw_window(axes, intervals, change)
        axes.set(xlabel="post minus pre (ms)", ylabel="w / w_max")
        if name == "stdp_symmetric":
            measured = MISHRA[1] * change[np.abs(intervals) <= 10].mean() / MISHRA[1][3:6].mean()
            axes.plot(MISHRA[0], measured, "s", mfc="white", label="Mishra et al. (2016), scaled")
            axes.legend(fontsize=7.5)
    for axes in figure.axes[len(names) :]:
        axes.set_axis_off()
    return figure


if __name__ == "__main__":
    print(save(gallery(), sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_suffix(".png")))
