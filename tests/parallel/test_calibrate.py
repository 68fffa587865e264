"""Calibration brings rates into their ranges, writes what it ran, and says what it could not reach."""

import json

import pytest
import yaml
from typer.testing import CliRunner

import thalia
from thalia.cli.main import app
from thalia.errors import CircuitError
from thalia.parallel.calibrate import calibrate

CIRCUIT = """
thalia: 1
name: two
duration: 1 s
dt: 0.1 ms
populations:
  e: {neuron: lif_conductance, size: 100}
  i: {neuron: lif_conductance, size: 50}
pathways:
  excite: {pre: e, post: [e, i], connect: {rule: fixed_indegree, number: 20}, synapse: ampa, weight: "drive(0.1, 5 Hz)", delay: 1 ms}
  inhibit: {pre: i, post: [e, i], connect: {rule: fixed_indegree, number: 20}, synapse: gaba_a, weight: "drive(-0.3, 10 Hz)", delay: 1 ms}
stimuli:
  background: {kind: poisson, target: [e, i], number: 100, rate: 8 Hz, weight: "drive(2, 8 Hz)"}
reference: {source: none, ranges: {e: [2 Hz, 5 Hz], i: [8 Hz, 20 Hz]}}
"""


@pytest.fixture
def circuit(tmp_path):
    file = tmp_path / "two.yaml"
    file.write_text(CIRCUIT)
    return file


def command(*arguments):
    return CliRunner().invoke(app, arguments)


def test_rates_come_into_their_ranges(circuit):
    found = calibrate(circuit)

    assert found.rounds[0].rates["e"] > 5
    assert found.outside == ()


def test_the_file_that_it_writes_gives_the_rates_that_it_says(circuit):
    told = json.loads(command("calibrate", str(circuit), "--json").stdout)
    circuit.write_text(CIRCUIT + "gains: ./two_gains.yaml\n")

    rates = thalia.run(circuit, output=circuit.with_name("run.h5")).rates

    assert rates == pytest.approx(told["rates_hz"])
    assert yaml.safe_load(circuit.with_name("two_gains.yaml").read_text()) == told["gains"]


def test_it_goes_on_from_the_gains_that_are_included_and_leaves_good_ones_alone(circuit):
    found = calibrate(circuit)
    circuit.with_name("two_gains.yaml").write_text(found.text())
    circuit.write_text(CIRCUIT + "gains: ./two_gains.yaml\n")

    again = calibrate(circuit)

    assert (len(again.rounds), again.best.gains) == (1, found.best.gains)


def test_a_gain_of_a_population_without_a_range_is_kept(circuit):
    circuit.write_text(CIRCUIT.replace(", i: [8 Hz, 20 Hz]", "") + "gains: {i: 0.7}\n")

    found = calibrate(circuit, rounds=2)

    assert all(each.gains["i"] == 0.7 for each in found.rounds)
    assert yaml.safe_load(found.text())["i"] == 0.7


def test_what_stays_outside_is_said_and_the_nearest_is_written(circuit):
    result = command("calibrate", str(circuit), "--rounds", "1")

    assert result.exit_code == 2
    assert "outside their range: e, i; more --rounds, or other weights, may help" in result.stderr
    assert yaml.safe_load(circuit.with_name("two_gains.yaml").read_text()) == {"e": 1, "i": 1}


def test_a_file_that_the_circuit_does_not_include_is_not_overwritten(circuit):
    circuit.with_name("two_gains.yaml").write_text("e: 3\n")

    result = command("calibrate", str(circuit))

    assert isinstance(result.exception, CircuitError)
    assert "two_gains.yaml: exists already" in str(result.exception)
    assert circuit.with_name("two_gains.yaml").read_text() == "e: 3\n"


def test_without_ranges_there_is_nothing_to_calibrate_to(circuit):
    circuit.write_text(CIRCUIT.partition("reference:")[0])

    with pytest.raises(CircuitError, match="says no ranges of rates to calibrate to"):
        calibrate(circuit)


def test_gains_change_nothing_where_nothing_excites(circuit):
    text = (
        CIRCUIT.partition("pathways:")[0] + "reference: {source: none, ranges: {e: [2 Hz, 5 Hz]}}\n"
    )
    circuit.write_text(text)

    with pytest.raises(CircuitError, match="nothing excites any population that has a range"):
        calibrate(circuit)


@pytest.mark.slow
def test_rates_are_means_over_seeds(circuit):
    """Each round is run with all seeds, as `run` would run them."""
    found = calibrate(
        circuit, rounds=1, seeds=(3, 4), workers=2, backend="runtime", duration="200 ms"
    )

    rates = [
        thalia.run(
            circuit,
            seed=seed,
            backend="runtime",
            duration="200 ms",
            output=circuit.with_name(f"{seed}.h5"),
        ).rates
        for seed in (3, 4)
    ]
    mean = {name: (rates[0][name] + rates[1][name]) / 2 for name in ("e", "i")}
    assert rates[0] != rates[1]
    assert found.best.rates == pytest.approx(mean)
