"""Currents and rates given over time: what neurons receive, whatever the array and the backend."""

import numpy as np
import pytest

import thalia
from thalia.compiler.pipeline import plan_of
from thalia.errors import CircuitError
from thalia.syntax.units import parse_value

SIZE, STEPS = 6, 400
RANDOM = np.random.default_rng(3)
ONE, EACH = RANDOM.normal(0, 100, 8), RANDOM.normal(0, 100, (8, SIZE))
RATES = np.stack([np.zeros(4), [400.0, 0, 400, 0]], axis=1)
# what a current of 1 pA brings in 0.1 ms
CHARGE = 1e-12 * 1e-4

TEXT = """
thalia: 1
name: series
duration: 40 ms
dt: 0.1 ms
neurons:
  integrator:
    summary: "The charge that has arrived, as a voltage."
    parameters: {c_m: {default: 1 nF, meaning: capacitance, source: chosen here}}
    equations: "dv/dt = input_current/c_m : volt"
    threshold: 0 > 1
populations:
  held: {neuron: integrator, size: 6}
  zero: {neuron: integrator, size: 6}
  again: {neuron: integrator, size: 6}
  some: {neuron: integrator, size: 6}
  two: {neuron: integrator, size: 6}
  inline: {neuron: integrator, size: 6}
  driven: {neuron: integrator, size: 6}
  sources: {neuron: poisson, size: 2}
stimuli:
  one: {kind: current, target: held, file: one.npy, unit: pA, dt: 3 ms}
  each: {kind: current, target: zero, file: each.npz, array: second, unit: nA, dt: 3 ms, after: zero}
  text: {kind: current, target: again, file: each.csv, unit: pA, dt: 3 ms, after: repeat}
  part: {kind: current, target: {population: some, neurons: [4, 1]}, file: two.npy, unit: pA, dt: 0.1 ms}
  first: {kind: current, target: two, file: one.npy, unit: pA, dt: 3 ms}
  second: {kind: current, target: two, file: each.csv, unit: pA, dt: 5 ms}
  listed: {kind: current, target: inline, values: [10 pA, -20 pA, 0.5 nA], dt: 10 ms}
  spikes: {kind: poisson, target: driven, values: [0 Hz, 1 kHz, 0 Hz], dt: 10 ms, number: 1000, synapse: {part: current_exp, tau: 0.1 ms}, weight: 1 pA}
  rates: {kind: poisson, target: sources, file: rates.npy, unit: Hz, dt: 10 ms}
record:
  traces:
RECORDED"""
NAMES = ("held", "zero", "again", "some", "two", "inline", "driven")
RECORDED = "\n".join(
    f"    {name}: {{population: {name}, variables: [v], every: 0.1 ms, neurons: all}}"
    for name in NAMES
)


def write_files(folder):
    np.save(folder / "one.npy", ONE.astype(np.float32))
    np.savez(folder / "each.npz", first=ONE, second=np.asfortranarray(EACH) * 1e-3)
    np.save(folder / "two.npy", np.arange(2 * STEPS, dtype=np.int16).reshape(STEPS, 2))
    np.save(folder / "rates.npy", RATES)
    rows = "\n".join(",".join(map(repr, row)) for row in EACH.tolist())
    (folder / "each.csv").write_text(f"# currents\na,b,c,d,e,f\n{rows}\n")


@pytest.fixture(scope="module", params=["runtime", "cpp"])
def run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("series")
    write_files(folder)
    circuit = thalia.loads(TEXT.replace("RECORDED", RECORDED), folder=folder)
    return thalia.run(circuit, backend=request.param, output=folder / "run.h5")


def current(run, name):
    """What arrived in each step but the last, (n_steps, n_neurons), in pA."""
    return np.diff(run.traces[name]["v"].astype(float), axis=0) * 1e-3 * 1e-9 / CHARGE


def brian2_holds(values, dt, steps=STEPS - 1):
    """What Brian2's own TimedArray gives at each step."""
    import brian2 as b2

    array = b2.TimedArray(values, dt=dt * b2.ms)
    if values.ndim == 1:
        return np.array([[array(k * 0.1 * b2.ms)] * SIZE for k in range(steps)])
    return np.array([[array(k * 0.1 * b2.ms, i) for i in range(SIZE)] for k in range(steps)])


def test_one_trace_for_all_is_that_of_brian2s_timed_array_and_held_at_its_end(run):
    expected = brian2_holds(ONE.astype(np.float32).astype(float), 3)

    assert current(run, "held") == pytest.approx(expected, abs=0.05)


def test_a_trace_for_each_neuron_is_that_of_brian2s_timed_array_and_then_zero(run):
    expected = brian2_holds(EACH, 3)
    expected[240:] = 0

    assert current(run, "zero") == pytest.approx(expected, abs=0.05)


def test_a_series_may_begin_again(run):
    expected = np.tile(brian2_holds(EACH, 3, 240), (2, 1))[: STEPS - 1]

    assert current(run, "again") == pytest.approx(expected, abs=0.05)


def test_neurons_that_are_listed_take_the_traces_in_that_order(run):
    """The first column is that of neuron 4."""
    expected = np.zeros((STEPS - 1, SIZE))
    expected[:, [4, 1]] = np.arange(2 * STEPS).reshape(STEPS, 2)[:-1]

    assert current(run, "some") == pytest.approx(expected, abs=0.05)


def test_several_series_of_one_population_add_up(run):
    expected = brian2_holds(ONE, 3) + brian2_holds(EACH, 5)

    assert current(run, "two") == pytest.approx(expected, abs=0.05)


def test_values_may_stand_in_the_circuit(run):
    expected = np.repeat([10.0, -20, 500, 500], 100)[: STEPS - 1, None]

    assert current(run, "inline") == pytest.approx(np.tile(expected, SIZE), abs=0.05)


def test_rates_over_time_give_as_many_spikes_as_they_say(run):
    """About 1000 sources x 1 kHz x 10 ms spikes reach each neuron, between 10 and 20 ms."""
    charge = run.traces["driven"]["v"].astype(float) * 1e-3 * 1e-9
    arrived = (charge[[100, 215, 399]]) / 1e-16

    assert arrived[0] == pytest.approx(0, abs=1e-6)
    assert np.abs(arrived[1] - 10_000).max() < 5 * np.sqrt(10_000)
    assert arrived[2] == pytest.approx(arrived[1], rel=1e-4)


def test_sources_fire_at_their_rates(run):
    """Only the second one, in the first and the third interval: 8 spikes are expected."""
    spikes = run.spikes["sources"]

    assert set(spikes.neurons) == {1}
    assert 1 <= len(spikes.times) <= 8 + 5 * np.sqrt(8)
    assert {*(spikes.times // 0.01).astype(int)} <= {0, 2}


def test_the_notes_say_what_comes_after_the_end(run):
    told = run.results["notes"]

    assert "one: its values end at 24 ms, and the last one is held from then on" in told
    assert "each: its values end at 24 ms, and it is zero from then on" in told
    assert "text: its values end at 24 ms, and they begin again" in told


def test_a_run_goes_on_from_what_it_stored(tmp_path):
    """The files are gone, and it is the run that never stopped."""
    write_files(tmp_path)
    text = TEXT.replace("RECORDED", RECORDED)
    whole = thalia.run(
        thalia.loads(text, folder=tmp_path, set={"duration": "45 ms"}),
        backend="runtime",
        output=tmp_path / "whole.h5",
    )
    first = thalia.run(
        thalia.loads(text, folder=tmp_path), backend="runtime", output=tmp_path / "run.h5"
    )
    for file in tmp_path.glob("*.n*"):
        file.unlink()

    resumed = thalia.resume(first.file, for_="5 ms", as_it_was=True)

    assert np.array_equal(resumed.traces["again"]["v"], whole.traces["again"]["v"])
    assert np.array_equal(resumed.traces["driven"]["v"], whole.traces["driven"]["v"])


def circuit_of(tmp_path, **stimulus):
    (tmp_path / "short.csv").write_text("1,2\n3\n")
    (tmp_path / "words.csv").write_text("a,b\n1,2\n3,x\n")
    (tmp_path / "empty.csv").write_text("a,b\n")
    np.save(tmp_path / "nan.npy", [1.0, np.nan])
    np.save(tmp_path / "wide.npy", np.ones((4, 5)))
    np.save(tmp_path / "deep.npy", np.ones((2, 2, 2)))
    np.save(tmp_path / "objects.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "two.npz", a=[1.0], b=[2.0])
    (tmp_path / "no.npy").write_bytes(b"\x93NUMPY")
    given = {"kind": "current", "target": "p", "unit": "pA", "dt": "1 ms", "file": "wide.npy"}
    stimulus = {key: value for key, value in {**given, **stimulus}.items() if value is not None}
    data = {
        "name": "x", "duration": "4 ms", "populations": {"p": {"neuron": "lif_current", "size": 5}, "s": {"neuron": "poisson", "size": 2}},
        "stimuli": {"s": stimulus},
    }  # fmt: skip
    return thalia.loads(thalia.dumps(thalia.Circuit(**data)), folder=tmp_path)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"dt": "0.25 ms"}, "expected a multiple of the circuit's dt of 0.1 ms, found 0.25 ms"),
        ({"dt": "0.01 ms"}, "expected a multiple of the circuit's dt of 0.1 ms, found 0.01 ms"),
        ({"dt": None}, "'file' needs 'dt'"),
        ({"unit": None}, "'file' needs 'unit'"),
        ({"unit": "mV"}, "expected a current, found a voltage"),
        ({"amplitude": "1 pA"}, "'amplitude' is given over time by 'file'"),
        ({"values": ["1 pA"]}, "expected either 'values' or 'file'"),
        ({"file": None}, "'dt' is of numbers over time, and there are none"),
        ({"file": None, "values": ["1 pA"]}, "'unit' is of a 'file'"),
        ({"file": None, "values": ["1 Hz"], "unit": None}, "expected a current, found a rate"),
        ({"file": "nan.npy"}, "expected finite numbers, found nan at [1]"),
        ({"file": "gone.npy"}, "no such file"),
        ({"file": "../wide.npy"}, "is outside the folder of the circuit"),
        ({"file": "x.mat"}, "expected a file that ends with .npy, .npz or .csv"),
        ({"file": "deep.npy"}, "found float64 of the shape (2, 2, 2)"),
        ({"file": "objects.npy"}, "holds objects, which are not read"),
        ({"file": "no.npy"}, "is not an array of NumPy"),
        ({"file": "two.npz"}, "holds 2 arrays"),
        ({"file": "two.npz", "array": "c"}, "holds no array 'c'"),
        ({"file": "short.csv"}, "short.csv:2: expected 2 columns, as in the first row, found 1"),
        ({"file": "words.csv"}, "words.csv:3: expected numbers between commas"),
        ({"file": "empty.csv"}, "holds no numbers"),
        ({"target": "s", "kind": "poisson", "unit": "Hz"}, "expected one trace, or 2 for the neurons of s, found 5"),
        ({"kind": "current_pulses", "amplitude": "1 pA"}, "a stimulus of kind 'current_pulses' does not use 'file'"),
        ({"target": "s", "kind": "poisson", "file": None, "unit": None, "values": ["1 Hz", "-5 Hz"]},
         "a rate cannot be below 0, found -5 Hz at [1, 0]"),
        ({"target": "s", "kind": "poisson", "file": None, "unit": None, "values": ["1 Hz", "20 kHz"]},
         "s would fire at 20000 Hz, and fires at most once in a step"),
    ],
)  # fmt: skip
def test_series_that_cannot_be_are_refused(tmp_path, changes, told):
    with pytest.raises(CircuitError) as error:
        plan_of(circuit_of(tmp_path, **changes))

    assert told in str(error.value)


def test_arrays_of_python_with_the_units_of_brian2_or_of_a_value():
    import brian2 as b2

    brian = thalia.Circuit(
        name="x",
        stimuli={"s": {"kind": "current", "target": "p", "values": EACH * b2.pA, "dt": "1 ms"}},
    )
    value = thalia.Circuit(
        name="x",
        stimuli={
            "s": {
                "kind": "current",
                "target": "p",
                "values": EACH * parse_value("1 pA"),
                "dt": "1 ms",
            }
        },
    )

    assert brian.stimuli["s"].values.numbers == pytest.approx(EACH * 1e-12)
    assert value == brian
    assert thalia.loads(thalia.dumps(brian)) == brian


def test_an_array_without_a_unit_is_refused():
    with pytest.raises(CircuitError, match="expected currents or rates with their unit"):
        thalia.Circuit(
            name="x",
            stimuli={"s": {"kind": "current", "target": "p", "values": EACH, "dt": "1 ms"}},
        )
