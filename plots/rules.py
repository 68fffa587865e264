"""The plasticity rules in one figure: each by its window or curve, next to what was measured.

python plots/rules.py rules.png
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import thalia
from thalia.figures import PALETTE, draw_protocol, draw_window, save, styled

# what shows a rule best where it is no window of single pairs: a protocol with settings
SHOWN_BY = {
    "bcm": ("rates", {"tau_theta": "1000 s"}),
    "stdp_homeostatic": ("rates", {"eta": 0.002}),
    "stdp_inhibitory": ("rates", {"eta": 0.001}),
    "stdp_triplet": ("frequency", {"preset": "visual_cortex"}),
    # published amplitudes are for a weight of one half; changes are fractions of that weight
    "stdp_voltage": ("bursts", {"a_ltd": "0.00028 1/mV", "a_ltp": "0.00016 1/mV**2"}),
}  # fmt: skip
# rules that follow an error signal, of which pairs of spikes have none
LED_BY_ERRORS = ("delta_rule", "eprop", "feedback_alignment")
# rules that act on all inputs of a neuron, with their settings
FOR_ALL_INPUTS = {
    "heterosynaptic": "heterosynaptic",
    "normalise": "normalise",
    "synaptic_scaling": "{rule: synaptic_scaling, target: 20 Hz, tau_rate: 1 s, beta: 0.003}",
}
INPUTS = """
thalia: 1
name: inputs
duration: 10 s
dt: 1 ms
populations:
  active: {neuron: poisson, size: 10, parameters: {rate: 20 Hz}}
  silent: {neuron: poisson, size: 10}
  trigger: {neuron: poisson, size: 1, parameters: {rate: 10 Hz}}
  cell: {neuron: lif_current, size: 1}
pathways:
  active: {pre: active, post: cell, connect: {rule: all_to_all}, synapse: current_exp, weight: 1 pA,
           delay: 1 ms,
           plasticity: RULES}
  silent: {pre: silent, post: cell, connect: {rule: all_to_all}, synapse: current_exp, weight: 1 pA,
           delay: 1 ms,
           plasticity: RULES}
  force: {pre: trigger, post: cell, connect: {rule: one_to_one}, synapse: delta, weight: 100 mV,
          delay: 1 ms}
record:
  weights: {pathways: plastic, every: 100 ms}
"""
NEURON = {"stdp_voltage": {"b": "0.0805 pA"}}  # as in the authors' program
# Mishra et al. (2016): intervals in ms, change of the EPSP in %
MISHRA = (
    np.array([-100, -50, -20, -10, 0, 10, 20, 50, 100]),
    np.array([21.9, 31.1, 52.2, 48.5, 50.2, 77.8, 40.1, 41.4, 14.1]),
)


def draw_inputs(axes: Axes, name: str) -> None:
    """Transmission of active and silent inputs, under pair STDP with and without the rule."""
    rule = FOR_ALL_INPUTS[name]
    for with_rule, style in ((True, "-"), (False, ":")):
        stack = ["{rule: stdp_pair, a_minus: 0.02}", *([rule] if with_rule else [])]
        text = INPUTS.replace("RULES", f"[{', '.join(stack)}]")
        with TemporaryDirectory() as folder:
            run = thalia.run(thalia.loads(text), output=f"{folder}/run.h5")
            for colour, which in zip(PALETTE, ("active", "silent"), strict=False):
                kept = run.weights[which]
                label = f"{which} inputs{'' if with_rule else ', stdp_pair alone'}"
                arriving = kept.arriving.mean(axis=1) / 2
                axes.plot(kept.time, arriving, style, color=colour, lw=1.4, label=label)
    axes.set(xlabel="time (s)", ylabel="transmitted, w / w_max")
    axes.legend(fontsize=7)


@styled
def gallery() -> Figure:
    names = [name for name in thalia.library.names("plasticity") if name not in LED_BY_ERRORS]
    figure = Figure(figsize=(12, 3.1 * -(-len(names) // 3)))
    for name, axes in zip(names, figure.subplots(-(-len(names) // 3), 3).flat, strict=False):
        axes.set_title(name)
        if name in FOR_ALL_INPUTS:
            draw_inputs(axes, name)
            continue
        if how := SHOWN_BY.get(name):
            neuron = {"neuron": NEURON[name]} if name in NEURON else {}
            result = thalia.protocol(how[0], name, settings=how[1], **neuron)
            draw_protocol(axes, result)
            axes.set(
                xlabel=result.x_label, ylabel="w / w_max" + (" / s" if how[0] == "rates" else "")
            )
            continue
        noise = {"sigma": 0} if name == "stdp_calcium" else {}
        intervals, change = thalia.window(name, pairs=60 if noise else 1, settings=noise)
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
