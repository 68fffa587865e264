"""Gap junctions from tables, which list each pair once, or all of them in both directions."""

import numpy as np
import pytest

import thalia
from thalia.connectivity.build import wire
from thalia.errors import CircuitError

TEXT = """
thalia: 1
name: coupled
duration: 1 ms
populations:
  a: {neuron: lif_current, size: 5}
pathways:
  p: {pre: a, post: a, connect: {file: edges.csv}, synapse: gap_junction, weight: count * nS}
"""


def junctions(folder, rows):
    (folder / "edges.csv").write_text("\n".join(["pre,post,count", *rows]) + "\n")
    plan = thalia.plan_of(thalia.loads(TEXT, folder=folder))
    ((_, found),) = wire(plan).synapses.items()
    counts = np.rint(found.variables["w"] * 1e9).astype(int)
    return [*zip(found.pre.tolist(), found.post.tolist(), counts.tolist(), strict=True)], plan


@pytest.mark.parametrize("rows", [
    ["3,1,4", "0,2,5", "4,0,6"],  # each once, one way or the other
    ["1,3,4", "3,1,4", "0,2,5", "2,0,5", "0,4,6", "4,0,6"],  # all in both directions
    ["3,1,4", "0,2,5", "4,0,6", "2,2,9"],  # and one of a neuron with itself
])  # fmt: skip
def test_each_pair_has_one_junction(tmp_path, rows):
    found, plan = junctions(tmp_path, rows)

    assert found == [(0, 2, 5), (0, 4, 6), (1, 3, 4)]
    left_out = "1 junction of a neuron with itself left out" in "\n".join(plan.notes)
    assert left_out == ("2,2,9" in rows)


@pytest.mark.parametrize(("rows", "message"), [
    (["1,3,4", "3,1,5"], "pathways.p.connect.file: 1 pair of neurons are listed in both directions with another weight, the first of them 1 and 3"),
    (["1,3,4", "3,1,4", "0,2,5"], "some pairs of neurons are listed in both directions, and 0 and 2 in one"),
])  # fmt: skip
def test_directions_that_do_not_agree_are_told(tmp_path, rows, message):
    with pytest.raises(CircuitError) as caught:
        junctions(tmp_path, rows)
    assert message in str(caught.value)
