"""The printed plan costs as much for each population of a large circuit as for one of a small circuit."""

import sys

import thalia
from thalia.codegen.listing import describe


def plan_with(count):
    populations = "".join(
        f"  p{i}: {{neuron: lif_conductance, size: 4, parameters: {{c_m: {100 + i} pF}}}}\n"
        for i in range(count)
    )
    pathways = "".join(
        f"  a{i}: {{pre: p{i}, post: p{i}, connect: {{probability: 0.5}}, synapse: ampa, weight: 1 nS, delay: 1 ms}}\n"
        for i in range(count)
    )
    stimuli = "".join(
        f"  s{i}: {{kind: poisson, target: p{i}, rate: {5 + i} Hz, weight: 1 nS}}\n"
        for i in range(count)
    )
    return thalia.plan_of(
        thalia.loads(
            f"thalia: 1\nname: many\nduration: 1 ms\npopulations:\n{populations}pathways:\n{pathways}stimuli:\n{stimuli}"
        )
    )


def lines_run(plan):
    """How many lines of Python describing a plan takes."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += event in ("line", "call")
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        describe(plan)
    finally:
        sys.settrace(before)
    return count


def test_the_cost_of_describing_a_plan_is_linear_in_its_populations():
    few, more, many = (lines_run(plan_with(count)) for count in (20, 40, 80))

    assert many - more < 2.5 * (
        more - few
    )  # twice as many more; 3.5 where each looks at all others
