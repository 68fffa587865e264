"""What `thalia health` sees: measures against closed forms, and verdicts on circuits that are sick in a known way."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import thalia
from thalia.analysis import spike_trains
from thalia.analysis.health import CRITICAL, OK, WARN, health
from thalia.cli.main import app
from thalia.cli.tables import print_summary
from thalia.errors import CircuitError

CIRCUIT = """
thalia: 1
name: sick
duration: 1 s
populations:
  source: {{neuron: poisson, size: 100, parameters: {{rate: 20 Hz}}}}
  cells: {{neuron: lif_current, size: 50}}
pathways:
  in: {{pre: source, post: cells, connect: {{probability: 1}}, synapse: current_exp, weight: {weight}, delay: 1 ms}}
stimuli:
  bias: {{kind: current, target: cells, amplitude: {current}}}
reference: {{source: a test, ranges: {{cells: [{low} Hz, {high} Hz]}}{more}}}
record: {{spikes: {spikes}}}
"""


def run_of(folder, weight="1e-3 pA", current="400 pA", low=5, high=60, more="", spikes="all"):
    text = CIRCUIT.format(
        weight=weight, current=current, low=low, high=high, more=more, spikes=spikes
    )
    return thalia.run(thalia.loads(text), output=folder / "run.h5", backend="runtime", seed=1)


def poisson(generator, rate, neurons, seconds):
    counts = generator.poisson(rate * seconds, neurons)
    owner = np.repeat(np.arange(neurons), counts)
    times = generator.uniform(0, seconds, counts.sum())
    order = np.argsort(times)
    return times[order], owner[order]


def test_a_poisson_process_has_cv2_and_fano_factor_of_one_and_no_correlation():
    times, neurons = poisson(np.random.default_rng(1), 20.0, 200, 50.0)
    counts = spike_trains.counts_of(times, neurons, 200, 0.0, 50.0, 0.1)

    assert spike_trains.local_variation(times, neurons) == pytest.approx(1, abs=0.02)
    assert spike_trains.fano_factor(counts) == pytest.approx(1, abs=0.02)
    assert spike_trains.mean_correlation(counts) == pytest.approx(0, abs=0.005)
    assert spike_trains.adaptation(times, neurons) == pytest.approx(1, abs=0.02)


def test_a_poisson_process_has_as_many_spikes_in_bursts_as_chance_makes():
    """With p short intervals, a spike is in a run of one or two spikes with (1-p)^2 + 2p(1-p)^2."""
    times, neurons = poisson(np.random.default_rng(2), 40.0, 100, 100.0)
    p = 1 - np.exp(-40.0 * 0.010)

    assert spike_trains.burst_fraction(times, neurons) == pytest.approx(
        1 - (1 - p) ** 2 - 2 * p * (1 - p) ** 2, rel=0.01
    )


def test_neurons_that_share_a_fraction_of_their_spikes_correlate_by_that_fraction():
    generator = np.random.default_rng(3)
    shared = np.repeat(generator.poisson(2.0, (1, 20_000)), 20, axis=0)
    counts = shared + generator.poisson(6.0, (20, 20_000))

    assert spike_trains.mean_correlation(counts.astype(float)) == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(("frequency", "band"), [(6, "theta"), (40, "gamma"), (0, None)])
def test_the_band_of_a_rhythm_in_noise(frequency, band):
    time = np.arange(0, 10, 0.002)
    noise = np.random.default_rng(4).normal(0, 1, len(time))

    assert spike_trains.dominant_band(np.sin(2 * np.pi * frequency * time) + noise, 0.002) == band


def test_an_interval_that_doubles_is_adaptation():
    intervals = np.repeat([0.010, 0.015, 0.020], 4)
    times = np.concatenate([[0.0], np.cumsum(intervals)])

    assert spike_trains.adaptation(times, np.zeros(13, int)) == pytest.approx(2)


def test_a_clock_is_critical_though_its_rate_is_in_range(tmp_path):
    """What a latched dendrite does: a current above threshold and nothing else makes every cell a clock."""
    found = health(run_of(tmp_path))

    assert (found.of("cells", "rate"), found.of("cells", "cv"), found.verdict) == (
        OK,
        CRITICAL,
        CRITICAL,
    )


PACED = """
thalia: 1
name: paced
duration: 4 s
populations:
  source: {neuron: poisson, size: 100, parameters: {rate: 1 Hz}}
  cells: {neuron: lif_current, size: 50}
pathways:
  in: {pre: source, post: cells, connect: {probability: 1}, synapse: current_exp, weight: 300 pA, delay: 1 ms}
stimuli:
  pulses: {kind: poisson_pulses, target: source, rate: 60 Hz, start: 0 s, width: 50 ms, period: 160 ms}
reference: {source: a test, bands: {cells: BAND}}
record: {spikes: [cells]}
"""


@pytest.mark.parametrize(("band", "verdict"), [("theta", OK), ("delta", WARN)])
def test_a_known_rhythm_is_asked_for_and_its_correlation_forgiven(tmp_path, band, verdict):
    """Six volleys a second: cells that all fire together, in theta and not in delta."""
    run = thalia.run(
        thalia.loads(PACED.replace("BAND", band)),
        output=tmp_path / "run.h5",
        backend="runtime",
        seed=1,
    )
    found = health(run)

    assert found.of("cells", band) == verdict
    assert (found.populations["cells"]["correlation"] > 0.9, found.of("cells", "correlation")) == (
        True,
        OK,
    )


def test_a_pacemaker_may_be_a_clock(tmp_path):
    assert health(run_of(tmp_path, more=", pacemakers: [cells]")).of("cells", "cv") == OK


def test_cells_that_fluctuations_drive_are_healthy(tmp_path):
    found = health(
        run_of(
            tmp_path, weight='"normal(300 pA, 60 pA, min=0 pA)"', current="0 pA", low=1, high=100
        )
    )

    assert (found.of("cells", "rate"), found.of("cells", "cv")) == (OK, OK)


# C = 250 pF, tau = 10 ms, t_ref = 2 ms and 15 mV to the threshold: 400 pA, which lift it by 16 mV, make 33.7 Hz
@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(30, 40, OK), (40, 60, WARN), (70, 100, CRITICAL), (1, 16, CRITICAL)],
)
def test_a_rate_out_of_range_is_a_warning_and_twice_out_critical(tmp_path, low, high, verdict):
    assert health(run_of(tmp_path, low=low, high=high)).of("cells", "rate") == verdict


def test_the_command_says_what_is_wrong_draws_it_and_ends_with_status_2(tmp_path):
    done = CliRunner().invoke(app, ["health", str(run_of(tmp_path).file)])

    assert done.exit_code == 2
    assert "critical: cells: cv" in done.output
    assert "expected at least 0.35" in done.output
    assert (tmp_path / "run_health.png").stat().st_size > 5000


def test_json_has_every_measure(tmp_path):
    done = CliRunner().invoke(app, ["health", str(run_of(tmp_path).file), "--json"])

    told = json.loads(done.output)
    assert told["verdict"] == CRITICAL
    assert set(told["populations"]) == {"source", "cells"}
    assert next((each["where"], each["measure"]) for each in told["findings"]) == ("cells", "cv")


def test_a_run_without_spikes_cannot_be_judged(tmp_path):
    with pytest.raises(CircuitError, match="has no spikes to judge"):
        health(run_of(tmp_path, spikes="[]"))


def test_the_summary_of_a_run_shows_the_published_range(tmp_path, capsys):
    print_summary(run_of(tmp_path, low=5, high=60), [])

    assert "5-60 Hz" in capsys.readouterr().out
