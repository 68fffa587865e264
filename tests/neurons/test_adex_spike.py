"""adex_spike has the spike of Clopath et al. (2010): clamped for 2 ms, then a depolarised, less excitable cell."""

import numpy as np
import pytest

TEXT = """
thalia: 1
name: spike
duration: 120 ms
dt: {dt}
populations:
  trigger: {{neuron: spike_source, size: 1}}
  cell: {{neuron: adex_spike, size: 1}}
pathways:
  force: {{pre: trigger, post: cell, connect: {{rule: all_to_all}}, synapse: delta, weight: {jump}, delay: 1 ms}}
stimuli:
  train: {{kind: spikes, target: trigger, times: {{0: [20 ms]}}}}
record:
  traces: {{cell: {{population: cell, variables: [v, z, v_t, adaptation], every: 0.1 ms}}}}
"""


def test_after_a_spike_the_cell_is_depolarised_and_adapts(simulate):
    run = simulate(TEXT.format(jump="100 mV", dt="0.1 ms"))

    v, z, v_t, adaptation = (
        run.traces["cell"][f"{name}"][:, 0] for name in ("v", "z", "v_t", "adaptation")
    )
    (spike,) = np.rint(run.spikes["cell"].times * 1e4).astype(int)
    inside, after = slice(spike + 2, spike + 20), slice(spike + 22, None)
    t = np.arange(len(v[after])) * 0.1
    assert v[inside] == pytest.approx(-49.6, abs=1e-3)
    assert z[after] == pytest.approx(z[after][0] * np.exp(-t / 40), rel=1e-3)
    assert v_t[after] == pytest.approx(-50.4 + (v_t[after][0] + 50.4) * np.exp(-t / 50), abs=1e-3)
    assert z[after][0] == pytest.approx(400, rel=0.01)
    assert adaptation[after][0] == pytest.approx(80.5, rel=0.02)


def test_a_small_input_makes_no_spike(simulate):
    assert len(simulate(TEXT.format(jump="10 mV", dt="0.1 ms")).spikes["cell"]) == 0


def test_a_smaller_step_gives_the_same_adaptation(simulate):
    """A jump far above the peak once fed the step's overshoot into the adaptation."""
    coarse, fine = (
        simulate(TEXT.format(jump="100 mV", dt=dt)).traces["cell"]["adaptation"][-1, 0]
        for dt in ("0.1 ms", "0.05 ms")
    )

    assert coarse == pytest.approx(fine, rel=0.02)
