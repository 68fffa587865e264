"""The Hodgkin-Huxley neuron rests and fires where NEST 3.10's hh_cond_exp_traub does."""

import pytest

from thalia.toolchain.compiler import find_compiler

# NumPy takes ten seconds for what one compiled program does for both tests
BACKEND = "cpp" if find_compiler() else "runtime"
CIRCUIT = """
thalia: 1
name: one
duration: 1 s
dt: 0.05 ms
populations: {{cell: {{neuron: hodgkin_huxley, size: 1, parameters: {{e_l: {leak} mV}}}}}}
record: {{traces: {{v: {{population: cell, variables: [v], every: 10 ms, neurons: 1}}}}}}
"""


def test_rest_is_that_of_nest(simulate):
    """NEST: -64.7646 mV after 1 s with a leak at -65 mV."""
    run = simulate(CIRCUIT.format(leak=-65), backend=BACKEND)

    assert run.traces["v"]["v"][-1, 0] == pytest.approx(-64.7646, abs=0.01)
    assert len(run.spikes["cell"]) == 0


def test_with_a_leak_at_60_mv_it_fires_by_itself_as_in_nest(simulate):
    """NEST: 14 spikes in 1 s."""
    run = simulate(CIRCUIT.format(leak=-60), backend=BACKEND)

    assert len(run.spikes["cell"]) == pytest.approx(14, abs=1)
