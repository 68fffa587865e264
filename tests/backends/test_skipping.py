"""Loops that skip what neighbours share and draws for the silent, beside loops that do not."""

import re

import numpy as np
import pytest

import thalia
from thalia.backends.cpp import backend, skipping
from thalia.connectivity.build import wire
from thalia.toolchain.compiler import find_compiler

pytestmark = pytest.mark.skipif(not find_compiler(), reason="needs a C++ compiler")

# time constants that are the same, differ between populations, and differ between neurons; sources
# that are silent, loud, and loud for a while
CIRCUIT = """
thalia: 1
name: skipping
duration: 0.4 s
dt: 0.1 ms
seed: 5
populations:
  silent: {neuron: poisson, size: 150}
  loud: {neuron: poisson, size: 70, parameters: {rate: 90 Hz}}
  evoked: {neuron: poisson, size: 150}
  slow: {neuron: lif_current, size: 90, parameters: {tau_m: 20 ms, e_l: -46 mV}}
  fast: {neuron: lif_current, size: 90, parameters: {tau_m: 5 ms, e_l: -46 mV}}
  mixed: {neuron: lif_current, size: 90, parameters: {tau_m: "uniform(5 ms, 30 ms)", e_l: -46 mV}}
pathways:
  drive: {pre: [loud, evoked], post: [slow, fast, mixed], connect: {rule: pairwise_bernoulli, probability: 0.2},
          synapse: current_exp, weight: 60 pA, delay: 1 ms}
stimuli:
  tone: {kind: poisson_pulses, target: evoked, rate: 200 Hz, start: 100 ms, width: 50 ms, period: 200 ms}
"""


def spikes(monkeypatch, called, by_chance):
    with monkeypatch.context() as patched:
        own = backend._own_source()
        patched.setattr(skipping, "CALL", called)
        patched.setattr(skipping, "_CHANCE", by_chance)
        patched.setattr(backend, "_own_source", lambda: f"{own}{called}{by_chance.pattern}")
        plan = thalia.plan_of(thalia.loads(CIRCUIT))
        built = backend.build(plan, lambda *_: None)
        text = "".join(each.read_text("utf-8") for each in built.folder.glob("unit_*.cpp"))
        session = backend.start(plan, built, wire(plan), (), 1, 1)
        session.advance(4000)
        found = [session.read(f"neurons_lif_current.{name}") for name in ("v", "lastspike")]
        session.close()
        return text, found


def test_what_is_skipped_changes_no_bit(monkeypatch):
    text, found = spikes(monkeypatch, skipping.CALL, skipping._CHANCE)
    plain, expected = spikes(monkeypatch, "never called", re.compile("never"))

    assert "_one_before" in text
    assert "_may_spike" in text
    assert "_one_before" not in plain
    assert "_may_spike" not in plain
    assert np.unique(found[0]).size > 200
    assert np.array_equal(found, expected)
