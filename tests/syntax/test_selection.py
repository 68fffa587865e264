"""Selections of neurons against NumPy's own indexing and comparisons, and the words of what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thalia
from tests.helpers import thalia_here
from thalia.compiler.pipeline import plan_of
from thalia.connectivity.selection import recorded_neurons
from thalia.errors import CircuitError, MistakeInText
from thalia.syntax.selection import parse_selection
from thalia.syntax.units import METRE

SIZE = 12
FIRST = 720575940628857210  # an identifier beyond 2^53, of the public data of a fly
COLUMNS = {
    "x": np.linspace(3e-6, 443e-6, SIZE),
    "y": np.linspace(-13e-6, 97e-6, SIZE),
    "id": np.arange(FIRST, FIRST + SIZE),
    "type": np.array(list("abcabcabcabc")),
}
DIMENSIONS = {"x": METRE, "y": METRE, "id": (0, 0, 0, 0, 0), "type": None}
INDEX, X, Y, _, TYPE = np.arange(SIZE), *COLUMNS.values()


def chosen(raw, columns=COLUMNS, dimensions=DIMENSIONS):
    selection = parse_selection(raw)
    selection.check(SIZE, dimensions)
    return selection.neurons(SIZE, columns).tolist()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (3, INDEX[:3]),
        (50, INDEX),
        ("all", INDEX),
        ([7, 3], [7, 3]),
        (np.array([2, 5]), [2, 5]),
        (range(4), INDEX[:4]),
        (slice(2, 9, 3), INDEX[2:9:3]),
        ("2:5", INDEX[2:5]),
        ("::5", INDEX[::5]),
        ("-3:", INDEX[-3:]),
        ("x < 100 um", X < 100e-6),
        ("x<100um", X < 100e-6),
        ("x < 0.1 mm and not y < 0 um", (X < 1e-4) & ~(Y < 0)),
        ("50 µm < x <= 200 um or i == 11", ((X > 5e-5) & (X <= 2e-4)) | (INDEX == 11)),
        ("y > 0", Y > 0),
        ("sqrt((x - 200 um)**2 + y**2) < 60 um", np.hypot(X - 2e-4, Y) < 6e-5),
        ("i % 3 == 1", INDEX % 3 == 1),
        (f"id == {FIRST + 1}", INDEX == 1),
        (f"id in ({FIRST}, {FIRST + 2})", (INDEX == 0) | (INDEX == 2)),
        ("type == b", TYPE == "b"),
        ("type not in (a, 'b')", TYPE == "c"),
    ],
    ids=str,
)
def test_the_neurons_are_those_that_numpy_chooses(raw, expected):
    expected = np.asarray(expected)

    assert (
        chosen(raw) == (np.flatnonzero(expected) if expected.dtype == bool else expected).tolist()
    )


def test_words_in_a_list_are_identifiers():
    names = {"id": np.array([f"AVA{letter}" for letter in "LRABCDEFGHIJ"])}

    assert chosen(["AVAR", "AVAL"], names, {"id": None}) == [1, 0]
    assert chosen("AVAR", names, {"id": None}) == [1]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (0, "expected at least 1 neuron, found 0"),
        (True, "expected some neurons, found True"),
        (1.5, "expected some neurons, found 1.5"),
        ([], "expected numbers or identifiers of neurons, found an empty list"),
        (["a", 1], "expected numbers or identifiers of neurons, found ['a', 1]"),
        ([3, 3], "neuron 3 is listed twice"),
        ([12], "there is no neuron 12 among 12 neurons, which are counted from 0 to 11"),
        ([-1], "there is no neuron -1 among 12 neurons, which are counted from 0 to 11"),
        ("0:13", "'0:13' goes beyond the 12 neurons of the population"),
        ("5:5", "'5:5' is none of the 12 neurons"),
        ("::0", "expected a step of at least 1, found '::0'"),
        ("x < 100", "'x < 100': compares a length with a bare number"),
        ("x < 100 ms", "'x < 100 ms': compares a length with a time"),
        ("x < 100 foo", "'x < 100 foo': 'foo' is not a unit"),
        ("q < 3", "'q < 3': the population has no column 'q'"),
        ("rand() < 0.5", "'rand() < 0.5': the population has no column 'rand'"),
        ("t < 1 s", "'t < 1 s': the population has no column 't'"),
        ("type < a", "'type < a': 'type' holds words"),
        ("x = 3", "'x = 3' is not a condition on columns"),
        ("x is 3", "'x is 3' is not a comparison"),
        ("not x", "'x' is not a comparison"),
        ("x < -1 um", "'x < -1 um' holds for none of the 12 neurons"),
        ("x**9e99**9e99 > 1", "'x**9e99**9e99 > 1' cannot be computed"),
        ("-" * 200 + "i > 1", "is nested more than 60 levels deep"),
        (f"id == {10**400}", "an integer is too large"),
    ],
)  # fmt: skip
def test_what_cannot_be_chosen_is_refused_in_words(raw, message):
    with pytest.raises(MistakeInText) as caught:
        chosen(raw)

    assert message in str(caught.value)


WORDS = ["x", "y", "i", "id", "type", "a", "100", "um", "1e9", "and", "or", "not", "in", "<", "==", "(", ")", "[", ",", "-", "**", "%", "/", ":", "'", "rand", "sqrt", " ", "\n", "µ", "lambda", ".", "="]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
def test_any_text_chooses_neurons_or_is_refused_in_words(text):
    try:
        found = chosen(text)
    except MistakeInText:
        return

    assert found
    assert set(found) <= set(range(SIZE))


CIRCUIT = """thalia: 1
name: chosen
duration: 2 ms
populations: {e: {neuron: lif_current, size: 40, space: {layout: grid, extent: 400 um}}}
record: {traces: {v: {population: e, variables: [v], every: 1 ms, neurons: NEURONS}}}
"""


def circuit_of(neurons):
    return thalia.loads(CIRCUIT.replace("NEURONS", neurons))


@pytest.mark.parametrize("neurons", ["3", "[1, 5]", "'2:9'", "x < 50 um", "all"])
def test_a_selection_in_a_circuit_is_written_as_it_was_read(neurons):
    circuit = circuit_of(neurons)

    assert thalia.loads(thalia.dumps(circuit)) == circuit


def test_neurons_are_chosen_by_their_places_on_a_grid():
    plan = plan_of(circuit_of("100 um <= x < 200 um"))

    assert recorded_neurons(plan, "v").tolist() == list(range(10, 20))


@pytest.mark.parametrize("neurons", ["x < 100 ms", "z > 1 um", "'0:50'", "x > 1 mm"])
def test_check_finds_it_at_its_place(neurons, tmp_path):
    (tmp_path / "c.yaml").write_text(CIRCUIT.replace("NEURONS", neurons))

    told = thalia_here("check", "c.yaml", folder=tmp_path)

    assert told.returncode == 2
    assert "record.traces.v.neurons: " in told.stderr


def test_a_condition_that_holds_nowhere_is_refused_before_compiling(tmp_path):
    with pytest.raises(CircuitError, match="'x > 1 mm' holds for none of the 40 neurons"):
        thalia.run(circuit_of("x > 1 mm"), output=tmp_path / "run.h5", backend="runtime")


def test_the_recorded_neurons_are_those_chosen(tmp_path):
    run = thalia.run(circuit_of("[7, 3]"), output=tmp_path / "run.h5", backend="runtime")

    assert run.traces["v"].neurons.tolist() == [7, 3]
