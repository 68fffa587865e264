"""Synapses come to the program straight into its memory, through the pipe, or sorted by it: always the same."""

import mmap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import thalia
from thalia import backends
from thalia.backends import process_memory
from thalia.backends.cpp import backend
from thalia.backends.loading import serve
from thalia.compiler.resources import held_synapses
from thalia.connectivity.build import wire
from thalia.toolchain.compiler import find_compiler

pytestmark = pytest.mark.skipif(not find_compiler(), reason="needs a C++ compiler")
TEXT = """
thalia: 1
name: loading
duration: 60 ms
populations: {a: {neuron: lif_current, size: 60, initial: {v: "uniform(-65 mV, -50 mV)"}}, b: {neuron: lif_current, size: 40}}
pathways:
  fixed: {pre: [a, b], post: [a, b], connect: {probability: 0.3}, synapse: current_exp, weight: 40 pA, delay: "uniform(0.5 ms, 60 ms)"}
  same: {pre: a, post: b, connect: {probability: 0.3}, synapse: current_exp, weight: 60 pA, delay: 1 ms, plasticity: [bcm], w_max: 1 nA}
  learn: {pre: a, post: b, connect: {probability: 0.3}, synapse: current_exp, weight: 60 pA, delay: {axonal: "uniform(0.5 ms, 2 ms)", dendritic: 1 ms},
    plasticity: [stdp_pair]}
stimuli: {drive: {kind: current, target: [a, b], amplitude: 500 pA}}
"""


@pytest.fixture(scope="module")
def built():
    plan = thalia.plan_of(thalia.loads(TEXT))
    return plan, backend.build(plan, backends.silent), wire(plan)


def outcome(session, steps):
    """The state before, the spikes, and the state after some steps."""
    before = session.state()
    spikes = session.advance(steps).spikes
    after = session.state()
    session.close()
    return {
        **{f"before {name}": values.tobytes() for name, values in before.items()},
        **{f"spikes of {name}": (times.tobytes(), neurons.tobytes()) for name, (times, neurons) in spikes.items()},
        **{f"after {name}": values.tobytes() for name, values in after.items()},
    }  # fmt: skip


def through_the_pipe(built, is_host):
    plan, program, arrays = built
    return outcome(serve(plan, program, arrays, (), 1, is_host=is_host), plan.steps)


def test_synapses_in_their_order_are_linked_as_those_that_the_program_sorts(built):
    sorted_here, sorted_there = (through_the_pipe(built, is_host) for is_host in (True, False))

    assert sorted_here == sorted_there
    assert len(sorted_here["spikes of neurons_lif_current"][1]) > 4 * 50


def test_arrays_that_are_copied_are_those_that_are_sent(built, monkeypatch):
    sent = through_the_pipe(built, True)
    copies = []
    monkeypatch.setattr(process_memory, "LEAST", 1)
    for name in ("copy_into", "copy_from"):
        copy = getattr(process_memory, name)
        monkeypatch.setattr(
            process_memory, name, lambda *args, copy=copy: copies.append(copy(*args)) or copies[-1]
        )

    copied = through_the_pipe(built, True)

    assert copied == sent
    assert len(copies) > 20
    assert all(copies)


@pytest.mark.parametrize("call", [None, lambda *args: -1])
def test_where_the_system_does_not_copy_arrays_are_sent(built, monkeypatch, call):
    """On other systems there is no such call; a container may forbid it."""
    sent = through_the_pipe(built, True)
    monkeypatch.setattr(process_memory, "LEAST", 1)
    monkeypatch.setattr(process_memory, "_system_call", lambda name: call)

    assert through_the_pipe(built, True) == sent


def test_synapses_that_are_given_up_are_loaded_and_their_memory_returned(built, monkeypatch):
    """Page by page: what the pages held is zero afterwards, and no weight was."""
    monkeypatch.setattr(process_memory, "LEAST", 1)
    monkeypatch.setattr(process_memory, "PIECE", 3 * mmap.PAGESIZE)
    plan, program, kept = built
    drawn = wire(plan)
    weights = [wired.variables["w"] for wired in drawn.synapses.values()]
    spent = replace(drawn, given_up=frozenset(drawn.synapses))

    found = outcome(serve(plan, program, spent, (), 1, is_host=True), plan.steps)

    assert found == through_the_pipe(built, True)
    assert any(np.count_nonzero(each == 0) >= mmap.PAGESIZE // 8 for each in weights)
    assert [len(each) for each in spent.synapses.values()] == [
        len(each) for each in kept.synapses.values()
    ]
    assert {each.post.size for each in spent.synapses.values()} == {0}


@pytest.mark.parametrize(
    ("record", "held"),
    [
        ("none", {"synapses_moving"}),
        ("[still]", {"synapses_moving", "synapses_still"}),
        ("all", {"synapses_moving", "synapses_still", "synapses_other"}),
    ],
)
def test_synapses_are_held_that_are_recorded_or_change_their_partners(record, held):
    circuit = thalia.loads(f"""
thalia: 1
name: held
duration: 1 ms
populations: {{a: {{neuron: lif_current, size: 60}}, b: {{neuron: lif_current, size: 40}}}}
pathways:
  still: {{pre: a, post: b, connect: {{probability: 0.3}}, synapse: current_exp, weight: 40 pA, delay: 1 ms}}
  other: {{pre: a, post: b, connect: {{probability: 0.3}}, synapse: current_alpha, weight: 40 pA, delay: 1 ms}}
  moving: {{pre: a, post: b, connect: {{probability: 0.3}}, synapse: current_exp, weight: 60 pA, delay: 1 ms, w_max: 1 nA,
    plasticity: [stdp_pair, {{rule: structural, interval: 40 ms}}]}}
record: {{weights: {{pathways: {record}}}}}
""")

    assert held_synapses(thalia.plan_of(circuit)) == held


def test_a_large_array_is_copied_in_pieces(built, monkeypatch):
    monkeypatch.setattr(process_memory, "LEAST", 1)
    monkeypatch.setattr(process_memory, "PIECE", 100)
    plan, program, arrays = built
    session = serve(plan, program, arrays, (), 1, is_host=True)
    name = next(name for name, wired in arrays.synapses.items() if len(wired) > 1000)

    found = session.read(f"{name}.w")
    session.close()

    assert np.array_equal(found, arrays.synapses[name].variables["w"])


@pytest.mark.parametrize("own", [None, "glibc.malloc.arena_max=1"])
def test_the_program_asks_for_huge_pages_and_keeps_the_settings_of_the_user(
    built, monkeypatch, own
):
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    if own:
        monkeypatch.setenv("GLIBC_TUNABLES", own)
    plan, program, arrays = built
    session = serve(plan, program, arrays, (), 1, is_host=True)
    environment = Path(f"/proc/{session.process.pid}/environ")
    if not environment.exists():
        pytest.skip("the system does not show it")

    found = environment.read_text()
    session.close()

    # the library separates them by zeros when it has read them
    assert f"GLIBC_TUNABLES=glibc.malloc.hugetlb=1:{own or ''}" in found.replace("\0", ":")
