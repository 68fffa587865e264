"""What `thalia health` sees: measures against closed forms, and verdicts on circuits that are sick in a known way."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import thalia
from thalia.analysis import spike_trains
from thalia.analysis.health import CRITICAL, OK, WARN, Limit, health
from thalia.cli.main import app
from thalia.cli.tables import print_summary
from thalia.errors import CircuitError

CIRCUIT = """
thalia: 1
name: sick
duration: {duration}
populations:
  source: {{neuron: poisson, size: 100, parameters: {{rate: 20 Hz}}}}
  cells: {{neuron: lif_current, size: 50}}
pathways:
  in: {{pre: source, post: cells, connect: {{probability: 1}}, synapse: current_exp, weight: {weight}, delay: 1 ms}}
stimuli:
  bias: {{kind: current, target: cells, amplitude: {current}}}
{reference}
record: {{spikes: {spikes}}}
"""


REFERENCE = "reference: {{source: a test, ranges: {{cells: [{low} Hz, {high} Hz]}}{more}}}"


def run_of(folder, low=5, high=60, more="", reference=REFERENCE, **changes):
    usual = {"weight": "1e-3 pA", "current": "400 pA", "spikes": "all", "duration": "1 s"}
    said = reference.format(low=low, high=high, more=more)
    text = CIRCUIT.format(reference=said, **usual | changes)
    return thalia.run(thalia.loads(text), output=folder / "run.h5", backend="cpp", seed=1)


@pytest.mark.parametrize(("frequency", "band"), [(6, "theta"), (40, "gamma"), (0, None)])
def test_the_band_of_a_rhythm_in_noise(frequency, band):
    time = np.arange(0, 10, 0.002)
    noise = np.random.default_rng(4).normal(0, 1, len(time))

    assert spike_trains.dominant_band(np.sin(2 * np.pi * frequency * time) + noise, 0.002) == band


@pytest.mark.slow
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
REFERENCE
record: {spikes: [cells]}
"""
GAMMA = PACED.replace("4 s", "1 s").replace(
    "width: 50 ms, period: 160 ms", "width: 5 ms, period: 23 ms"
)


def paced(folder, reference, text=PACED):
    """The health of cells that fire together."""
    circuit = thalia.loads(text.replace("REFERENCE", reference))
    return health(thalia.run(circuit, output=folder / "run.h5", backend="cpp", seed=1))


@pytest.mark.parametrize(("band", "verdict"), [("theta", OK), ("delta", WARN)])
def test_a_known_rhythm_is_asked_for_and_its_correlation_forgiven(tmp_path, band, verdict):
    """Six volleys a second: cells that all fire together, in theta and not in delta."""
    found = paced(tmp_path, f"reference: {{source: a test, bands: {{cells: {band}}}}}")

    assert found.of("cells", band) == verdict
    assert (found.populations["cells"]["correlation"] > 0.9, found.of("cells", "correlation")) == (
        True,
        OK,
    )


HOW = (
    "if it oscillates, say `reference: {bands: {cells: gamma}}`, and if it should not, "
    "`reference: {asynchronous: [cells]}`"
)


@pytest.mark.parametrize(
    "reference", ["", "reference: {source: a test, ranges: {cells: [1 Hz, 100 Hz]}}"]
)
def test_asynchrony_is_not_assumed_where_no_reference_says_so(tmp_path, reference):
    """43 volleys a second, as in a PING rhythm: not sick, and told how to say which it should be."""
    found = paced(tmp_path, reference, GAMMA)

    assert found.populations["cells"]["correlation"] > 0.4
    assert (found.verdict, found.populations["cells"]["band"]) == (OK, "gamma")
    assert any(note.startswith("cells: correlation") and HOW in note for note in found.notes)


def test_a_rhythm_that_the_reference_gives_is_healthy(tmp_path):
    found = paced(tmp_path, "reference: {source: a test, bands: {cells: gamma}}", GAMMA)

    assert (found.verdict, found.notes) == (OK, ())


def test_cells_that_should_be_asynchronous_and_fire_together_are_critical(tmp_path):
    found = paced(tmp_path, "reference: {source: a test, asynchronous: [cells]}", GAMMA)

    assert found.of("cells", "correlation") == CRITICAL


def test_cells_that_no_reference_names_are_not_judged(tmp_path):
    """A clock, which would be critical."""
    run = run_of(tmp_path, reference="")
    found = health(run)

    assert (found.verdict, found.populations["cells"]["judged"]) == (OK, False)
    assert [note for note in found.notes if note.startswith("cells: cv 0")] != []
    assert "say `pacemakers: [cells]` if it fires like a clock" in " ".join(found.notes)
    told = printed(["health", str(run.file)])
    assert "verdict: ok, 0 of 2 populations judged" in told
    assert "say `pacemakers: [cells]` if it fires like a clock" in told


def printed(command):
    return CliRunner().invoke(app, command).output


@pytest.mark.parametrize(
    ("value", "margin", "verdict"),
    [
        (0.5, 0.0, OK),
        (0.3, 0.0, WARN),
        (0.3, 0.1, OK),
        (0.05, 0.02, CRITICAL),
        (0.05, 0.1, WARN),
        (3.5, 0.4, WARN),
        (3.5, 0.6, OK),
        (9.0, 0.5, CRITICAL),
    ],
)
def test_a_verdict_is_the_mildest_within_the_interval(value, margin, verdict):
    assert Limit(0.1, 0.35, 3.0, 8.0).verdict(value, margin) == verdict


@pytest.mark.parametrize(("duration", "verdict"), [("1 s", CRITICAL), ("60 ms", OK)])
def test_there_is_no_verdict_on_what_too_few_spikes_tell(tmp_path, duration, verdict):
    run = run_of(tmp_path, duration=duration)
    found = health(run)

    assert found.of("cells", "cv") == verdict
    assert ("cv" in found.populations["cells"]["missing"]) is (verdict == OK)


def test_a_silent_population_is_not_too_slow_before_it_could_have_fired(tmp_path):
    """50 cells of at least 0.01 Hz fire half a spike in a second; of at least 0.2 Hz, ten."""
    slow = health(run_of(tmp_path / "a", current="0 pA", low=0.01, high=0.02))
    faster = health(run_of(tmp_path / "b", current="0 pA", low=0.2, high=1))

    assert (slow.of("cells", "rate"), faster.of("cells", "rate")) == (OK, CRITICAL)


def test_what_is_missing_is_a_dash_with_the_reason(tmp_path):
    told = printed(["health", str(run_of(tmp_path, duration="60 ms").file)])

    assert "– CV: fewer than 20 independent intervals: cells" in told


def test_excitation_over_inhibition_is_that_of_the_weights_that_arrive(tmp_path):
    """A rule that halves what arrives, of 30 synapses against 10 of twice the weight."""
    text = """
thalia: 1
name: balance
duration: 1 s
rules: {half: {summary: Halves what arrives., on_pre: efficacy = 0.5}}
populations:
  e: {neuron: poisson, size: 30, parameters: {rate: 20 Hz}}
  i: {neuron: poisson, size: 10, parameters: {rate: 40 Hz}}
  cells: {neuron: lif_current, size: 5}
pathways:
  exc: {pre: e, post: cells, connect: {rule: all_to_all}, synapse: current_exp, weight: 1 pA, delay: 1 ms, plasticity: [{rule: half}]}
  inh: {pre: i, post: cells, connect: {rule: all_to_all}, synapse: current_exp, weight: -2 pA, delay: 1 ms}
"""
    run = thalia.run(thalia.loads(text), output=tmp_path / "run.h5", backend="runtime")

    assert health(run).populations["cells"]["excitation_inhibition"] == pytest.approx(
        30 * 0.5 * run.rates["e"] / (10 * 2 * run.rates["i"])
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
    [(30, 40, OK), (40, 60, WARN), (75, 100, CRITICAL), (1, 15, CRITICAL)],
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


def test_a_run_without_spikes_and_plastic_weights_cannot_be_judged(tmp_path):
    with pytest.raises(CircuitError, match="has neither spikes nor weights of plastic pathways"):
        health(run_of(tmp_path, spikes="[]"))


PHASES = """
thalia: 1
name: phases
populations: {cells: {neuron: lif_current, size: 5}}
stimuli:
  bias: {kind: current, target: cells, values: [400 pA, 0 pA], dt: 200 ms}
phases: [{name: driven, duration: 200 ms}, {name: silent, duration: 200 ms}]
"""


def test_a_phase_may_be_chosen(tmp_path):
    """Cells that fire in the first phase only."""
    run = thalia.run(thalia.loads(PHASES), output=tmp_path / "run.h5", backend="runtime")
    told = CliRunner().invoke(app, ["health", str(run.file), "--phase", "driven", "--json"])

    assert health(run).populations["cells"]["spikes"] == 0
    assert json.loads(told.output)["populations"] == health(run, "driven").populations
    assert health(run, "driven").populations["cells"]["spikes"] > 0
    with pytest.raises(CircuitError, match="has no phase 'drivn'\n    hint: did you mean 'driven'"):
        health(run, "drivn")


def test_the_summary_of_a_run_shows_the_published_range(tmp_path, capsys):
    print_summary(run_of(tmp_path, low=5, high=60), [])

    assert "5-60 Hz" in capsys.readouterr().out


CHANGING = """
thalia: 1
name: changing
dt: 1 ms
duration: 400 ms
rules:
  settling: {{summary: "a rise that ends", equations: "dw/dt = (w_max - w)/(20*ms) : weight"}}
  running: {{summary: "a rise that does not end", equations: "dw/dt = w/(100*ms) : weight"}}
populations:
  source: {{neuron: spike_source, size: 1}}
  cell: {{neuron: lif_current, size: 1}}
pathways:
  {rule}: {{pre: source, post: cell, connect: {{rule: all_to_all}}, synapse: current_exp, weight: 1 pA, w_max: {w_max} pA, delay: 1 ms, plasticity: [{rule}]}}
record: {{spikes: {spikes}, weights: {{pathways: [{rule}]{every}}}}}
"""


@pytest.mark.parametrize(
    ("rule", "w_max", "every", "drift", "verdict"),
    [
        ("settling", 60, ", every: 50 ms", 0, OK),
        ("settling", 60, "", (60 - 1) / 6, CRITICAL),
        ("running", 60, ", every: 50 ms", np.exp(2) - 1, CRITICAL),
        ("running", 2000, ", every: 50 ms", (np.exp(4) - np.exp(2)) / 200, OK),
    ],
)
def test_learning_settles_and_what_runs_away_goes_on(tmp_path, rule, w_max, every, drift, verdict):
    """One weight relaxes to its bound in 20 ms, one grows by e in 100 ms, for 400 ms, to 55 times its start."""
    circuit = thalia.loads(CHANGING.format(rule=rule, w_max=w_max, every=every, spikes="all"))
    found = health(thalia.run(circuit, output=tmp_path / "run.h5", backend="runtime"))

    assert found.pathways[rule]["drift"] == pytest.approx(drift, rel=1e-6, abs=1e-4)
    assert found.of(rule, "drift") == verdict


def test_a_run_without_spikes_is_judged_by_its_weights(tmp_path):
    """A weight that grows by e in 100 ms, for 400 ms, and nothing to draw."""
    circuit = thalia.loads(CHANGING.format(rule="running", w_max=60, every="", spikes="none"))
    run = thalia.run(circuit, output=tmp_path / "run.h5", backend="runtime")
    told = CliRunner().invoke(app, ["health", str(run.file)])

    assert (told.exit_code, [*tmp_path.glob("*.png")]) == (2, [])
    assert "critical: running: drift 8.93, expected at most 0.5" in told.output
    assert "0 of 0 populations judged; plastic pathways judged: 1" in told.output
