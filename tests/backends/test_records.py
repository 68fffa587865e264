"""The variables of plastic synapses in records, against an array for each."""

import numpy as np
import pytest

import thalia
from thalia.backends.cpp import backend, records
from thalia.connectivity.build import wire
from thalia.toolchain.compiler import find_compiler

pytestmark = pytest.mark.skipif(not find_compiler(), reason="needs a C++ compiler")

# more synapses than are read at a time, and a variable that begins at something else than zero
CIRCUIT = """
thalia: 1
name: records
duration: 1 s
dt: 0.5 ms
populations:
  source: {neuron: poisson, size: 300, parameters: {rate: 30 Hz}}
  cell: {neuron: lif_current, size: 300}
  dopaminergic: {neuron: poisson, size: 10, parameters: {rate: 5 Hz}}
modulators:
  dopamine: {kind: first_order, released_by: dopaminergic, tau: 200 ms}
pathways:
  learned: {pre: source, post: cell, connect: {rule: all_to_all}, synapse: current_exp,
            weight: "uniform(0 pA, 20 pA)", w_max: 20 pA, delay: 1 ms,
            plasticity: [{rule: d1_stdp, modulator: dopamine}]}
"""
VARIABLES = ("w", "d1_stdp_fast", "d1_stdp_slow", "d1_stdp_pre_trace")


def begun(monkeypatch, most):
    """A program with records of up to so many variables."""
    plan = thalia.plan_of(thalia.loads(CIRCUIT))
    with monkeypatch.context() as patched:
        own = backend._own_source()
        patched.setattr(records, "MOST", most)
        patched.setattr(backend, "_own_source", lambda: f"{own}{most}")
        built = backend.build(plan, lambda *_: None)
    assert ("Column<double>" in (built.folder / "circuit.cpp").read_text("utf-8")) == (most > 1)
    return backend.start(plan, built, wire(plan), (), 1, 1)


def test_records_change_no_bit(monkeypatch):
    sessions = [begun(monkeypatch, most) for most in (8, 0)]
    for session in sessions:
        session.advance(1000)
        session.flush()
    found = [[each.read(f"synapses_learned.{name}") for name in VARIABLES] for each in sessions]

    assert len(found[0][0]) == 90_000
    assert np.unique(found[0][0]).size > 10_000
    for mine, theirs in zip(*found, strict=True):
        assert np.array_equal(mine, theirs)

    written = np.linspace(0, 20e-12, 90_000)
    sessions[0].write("synapses_learned.w", written)
    after = [sessions[0].read(f"synapses_learned.{name}") for name in VARIABLES]
    for session in sessions:
        session.close()

    assert np.array_equal(after[0], written)
    for mine, before in zip(after[1:], found[0][1:], strict=True):
        assert np.array_equal(mine, before)
