"""The network of a seed is one: compiled or in NumPy, on any number of threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import thalia
from tests.connectivity.test_build import unfused
from thalia.connectivity import build, compiled, reference
from thalia.connectivity.build import wire
from thalia.connectivity.compiled import CompiledKernels, compiled_library
from thalia.connectivity.reference import NumpyKernels
from thalia.connectivity.streams import Stream
from thalia.errors import NotCompiled

pytestmark = pytest.mark.skipif(compiled_library() is None, reason="needs a C++ compiler")
SEVERAL = """
thalia: 1
name: several
duration: 1 ms
seed: {seed}
populations:
  a: {{neuron: lif_current, size: {sizes[0]}, space: {{extent: [1 mm, 1 mm]}}}}
  b: {{neuron: lif_current, size: {sizes[1]}, space: {{extent: [1 mm, 2 mm]}}}}
pathways:
{pathways}
"""
PATHWAY = "  p{k}: {{pre: {pre}, post: {post}, connect: {connect}, synapse: current_exp, weight: '{weight}', delay: {delay}}}"
CONNECT = [
    "{{probability: {p}, autapses: {own}}}", "{{rule: distance, probability: {p}, width: 300 um, autapses: {own}}}",
    "{{rule: fixed_total_number, number: {number}, autapses: {own}}}", "{{rule: fixed_total_number, number: {few}, multapses: false, autapses: {own}}}",
    "{{rule: fixed_indegree, number: {few}, autapses: {own}}}", "{{rule: fixed_indegree, number: {few}, multapses: false, autapses: {own}}}",
    "{{rule: fixed_outdegree, number: {few}, autapses: {own}}}", "{{rule: fixed_outdegree, number: {few}, multapses: false, autapses: {own}}}",
    "{{rule: all_to_all, autapses: {own}}}", "{{rule: blocks, blocks: 3, within: {p}, between: 0.3, autapses: {own}}}",
    "{{rule: blocks, blocks: 3, within: {p}, autapses: {own}}}",
]  # fmt: skip
WEIGHTS = [
    "1 pA",
    "normal(1 pA, 0.1 pA)",
    "lognormal(2 pA, 4 pA, max=3 pA)",
    "uniform(1 pA, 2 pA)",
    "spread(1 pA, 2 pA)",
]
DELAYS = [
    "1 ms", "'normal(1.5 ms, 0.75 ms, min=0.1 ms)'", "'uniform(1 ms, 60 ms)'", "'spread(1 ms, 2 ms)'",
    "{axonal: 'uniform(1 ms, 2 ms)', dendritic: 'uniform(1 ms, 200 ms)'}, plasticity: [stdp_pair], w_max: 10 pA",
]  # fmt: skip


@st.composite
def circuits(draw):
    """Pathways of every rule, weight and delay between two populations."""
    thirds = st.integers(4, 50)  # for `blocks`
    sizes = 3 * draw(thirds), 3 * draw(thirds)
    pathways = []
    for k in range(draw(st.integers(1, 5))):
        connect = draw(st.sampled_from(CONNECT)).format(
            p=draw(st.sampled_from([0.001, 0.1, 0.7, 1.0])),
            own=draw(st.sampled_from(["true", "false"])),
            number=draw(st.integers(1, 9000)),
            few=draw(st.integers(1, 11)),
        )
        pre, post = draw(st.sampled_from("ab")), draw(st.sampled_from("ab"))
        weight, delay = draw(st.sampled_from(WEIGHTS)), draw(st.sampled_from(DELAYS))
        pathways.append(
            PATHWAY.format(k=k, pre=pre, post=post, connect=connect, weight=weight, delay=delay)
        )
    return SEVERAL.format(
        seed=draw(st.integers(0, 2**63 - 1)), sizes=sizes, pathways="\n".join(pathways)
    )


def bits(arrays):
    """Every array of the synapses, as bytes and type."""
    return {
        (name, key): (column.dtype.str, np.ascontiguousarray(column).tobytes())
        for name, wired in arrays.synapses.items()
        for key, column in {
            "starts": wired.starts, "post": wired.post, "axonal": wired.axonal, "dendritic": wired.dendritic,
            "owner": wired.owner, **wired.variables,
        }.items()
    }  # fmt: skip


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Small enough that blocks, tasks and threads meet within these networks."""
    monkeypatch.setattr(reference, "IN_BLOCK", 512)
    monkeypatch.setattr(compiled, "TASK", 300)


@given(circuits())
@settings(max_examples=60, deadline=None)
def test_every_implementation_and_number_of_threads_wires_the_same_network(text):
    plan = thalia.plan_of(thalia.loads(text))
    expected = bits(wire(plan, NumpyKernels()))
    library = compiled_library()

    found = [bits(wire(plan, CompiledKernels(library, threads))) for threads in (1, 2, 3)]

    assert found == [expected] * 3


def test_rows_that_do_not_fit_into_64_bits_are_sorted_all_the_same(monkeypatch):
    """By NumPy: delays of up to 2^31 steps beside targets, such as those of a delay with too many numbers of steps for a table."""
    path = PATHWAY.format(
        k=0,
        pre="a",
        post="b",
        connect="{rule: all_to_all}",
        weight="1 pA",
        delay="'uniform(1 s, 100 s)'",
    )
    text = SEVERAL.format(seed=1, sizes=(20, 70_000), pathways=path)
    plan = unfused(thalia.loads(text))

    w, other = (
        wire(plan, kernels) for kernels in (CompiledKernels(compiled_library(), 2), NumpyKernels())
    )

    assert bits(w) == bits(other)
    assert w.synapses["synapses_p0"].axonal.max() > 2**16


def test_which_implementation_wires_depends_on_the_number_of_synapses_only(monkeypatch):
    path = PATHWAY.format(
        k=0, pre="a", post="b", connect="{rule: all_to_all}", weight="1 pA", delay="1 ms"
    )
    plan = unfused(thalia.loads(SEVERAL.format(seed=1, sizes=(20, 20), pathways=path)))
    small = type(build._kernels(plan))

    monkeypatch.setattr(build, "MANY", 400)

    assert [small, type(build._kernels(plan))] == [NumpyKernels, CompiledKernels]


def test_a_compiler_that_fails_is_told_once_and_the_network_is_the_same(monkeypatch, tmp_path):
    """A program of the name of a compiler, which rejects every source."""
    path = PATHWAY.format(
        k=0, pre="a", post="b", connect="{probability: 0.7}", weight=WEIGHTS[1], delay="1 ms"
    )
    plan = unfused(thalia.loads(SEVERAL.format(seed=1, sizes=(400, 400), pathways=path)))
    expected = bits(wire(plan))
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho 'error: no luck today' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CXX", str(broken))
    compiled_library.cache_clear()

    with pytest.warns(NotCompiled, match="drawn by NumPy.*: error: no luck today") as told:
        found = [bits(wire(plan)) for _ in range(2)]
    compiled_library.cache_clear()

    assert len(told) == 1
    assert found == [expected, expected]


@pytest.mark.parametrize(
    ("neurons", "degree", "width"), [(40, 100, 1000), (20, 3, 20_000), (5, 64, 64), (3, 0, 10)]
)
def test_distinct_partners_are_the_same_whether_few_or_many_of_all(neurons, degree, width):
    """Compiled code reads them from a list of all neurons, or sorts them where they are few."""
    stream = Stream.of(1, "p")

    found = CompiledKernels(compiled_library(), 2).distinct(stream, neurons, degree, width, True)

    assert np.array_equal(found, NumpyKernels().distinct(stream, neurons, degree, width, True))
    rows = found.reshape(neurons, degree)
    assert (np.diff(rows) > 0).all()
    assert (rows != np.arange(neurons)[:, None]).all()
