"""Time that a task lets pass: as if it were simulated, within 1e-9, or refused in words."""

import re

import numpy as np
import pytest
import yaml

import thalia
from tests.rules import CELLS, SOURCES, STACKS
from thalia.errors import CircuitError
from thalia.library import lookup
from thalia.simulation.closed_forms import difference, sum_over_steps
from thalia.training.subject import subject_of

RULES = [name for name in lookup.names("plasticity") if name != "stdp_calcium"]
# one of each kind of state: of the synapse, of the neuron, sums up to a flush, chains, switches, in every step, connections
KINDS = ["bcm", "consolidation", "tag_and_capture", "d1_stdp", "normalise", "structural"]
WHOLE = """
thalia: 1
name: waiting
dt: 0.5 ms
duration: 1 s
seed: 3
neurons:
  erring:
    summary: A Poisson source with an error that follows its spikes.
    parameters: {rate: {default: 0 Hz, meaning: rate}}
    equations: "dsignal/dt = (0.3 - signal)/(20*ms) : 1"
    threshold: rand() < rate*dt
    reset: signal -= 1
populations:
  poisson: {neuron: poisson, size: 10, from_task: [rate]}
  erring: {neuron: erring, size: 10, from_task: [rate]}
modulators: {m: {kind: first_order, tau: 300 ms, tonic: 0.1, from_task: true}}
pathways: {}
"""


def circuit(rules, **changes):
    """One in which each rule has cells of its own, and what it needs."""
    whole = yaml.safe_load(WHOLE) | changes
    for rule in rules:
        cells, source = f"cells_{rule}", SOURCES.get(rule, "poisson")
        whole["populations"][cells] = {"neuron": CELLS.get(rule, "lif_current"), "size": 4}
        stack = STACKS.get(rule, f"[{rule}]").replace("instructed_by: q", f"instructed_by: q_{rule}")
        stack = stack.replace("interval: 40 ms", "interval: 300 ms").replace("tau_fast: 2 ms", "tau_fast: 40 ms")
        whole["pathways"] |= {
            f"p_{rule}": {"pre": source, "post": cells, "connect": {"probability": 0.6}, "synapse": "current_exp", "delay": "1.5 ms",
                          "weight": "uniform(0.5 nA, 2 nA)", "w_max": "3 nA", "plasticity": yaml.safe_load(stack)},
            f"q_{rule}": {"pre": "poisson", "post": cells, "connect": {"rule": "all_to_all"}, "synapse": "delta", "weight": "2 mV", "delay": "0.5 ms"},
        }  # fmt: skip
    return thalia.loads(yaml.safe_dump(whole, sort_keys=False))


def active(made, backend="runtime"):
    """A subject that has just been very active."""
    subject = subject_of(made, backend)
    sources = [name for name in ("poisson", "erring") if any(p.pre == name for _, p in subject.plan.pathways())]
    subject.present("0.3 s", dict.fromkeys(sources, "150 Hz"))
    subject.release("m", 2)
    return subject


def furthest(one, other):
    """The largest relative distance of two states, and where it is."""
    most = (0.0, "")
    for name, here in one.items():
        if name.rpartition(".")[2] in ("queue", "sleep"):
            continue
        there = other[name]
        size = np.maximum(np.abs(here.astype(float)), np.abs(there.astype(float)))
        apart = np.abs(here.astype(float) - there) / np.where(size > 1e-290, size, np.inf)
        most = max(most, (float(apart.max(initial=0)), name))
    return most


def waited(rules, seconds, backend, jumps=1):
    """The states of two subjects after a time: one that waited, and one that was simulated."""
    made = circuit(rules)
    with active(made, backend) as subject:
        longest = 0
        jump = subject.silence._jump

        def note(steps):
            nonlocal longest
            longest = max(longest, steps)
            jump(steps)

        subject.silence._jump = note
        subject.wait(f"{seconds} s")
        assert longest > seconds / 0.5e-3 / 3
        quiet = subject.session.state()
    with active(made, backend) as subject:
        subject.present(f"{seconds} s")
        return quiet, subject.session.state()


def test_waiting_is_simulating_for_every_kind_of_state():
    assert furthest(*waited(KINDS, 2, "runtime")) < (1e-9, "")


@pytest.mark.reference
@pytest.mark.parametrize("part", range(3))
def test_waiting_is_simulating_for_every_rule(part):
    assert furthest(*waited(RULES[part::3], 60, "cpp")) < (1e-9, "")
