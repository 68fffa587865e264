"""Five published models, written from their papers: right, and not longer than the same in Brian2, which runs beside them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import thalia
from tests.helpers import ROOT

BRIAN2 = Path(__file__).parent / "brian2_models"
MODELS = ["izhikevich", "song", "coba", "ping", "receptive_field"]
SEEDS = (1, 2, 3)


def lines_of_circuit(name):
    """The same of a circuit, without its summary, and the conditions that vary it."""
    text = (ROOT / "circuits" / f"{name}.yaml").read_text().partition("\nconditions:")[0]
    code = (line for line in text.splitlines() if not line.strip().startswith("#"))
    return [line for line in code if line.strip() and not line.startswith("summary:")]


def lines_of_brian2(name):
    """The same of a script, without its docstring, its imports, and what it does with the results."""
    text = (BRIAN2 / f"{name}.py").read_text().partition("\n# results")[0]
    lines = text[text.index('"""', 3) + 3 :].splitlines()
    code = (line for line in lines if line.strip() and not line.strip().startswith("#"))
    return [line for line in code if not line.startswith(("import ", "from "))]


@pytest.mark.parametrize("name", MODELS)
def test_a_circuit_is_not_longer_than_the_same_in_brian2(name):
    assert len(lines_of_circuit(name)) <= len(lines_of_brian2(name))


def in_brian2(name, seeds, *arguments):
    """The results of a script with each seed, which run while this waits for nothing else."""
    command = [sys.executable, str(BRIAN2 / f"{name}.py")]
    return [
        subprocess.Popen(
            [*command, str(seed), *(str(each).format(seed=seed) for each in arguments)],
            stdout=subprocess.PIPE,
            encoding="utf-8",
            cwd=BRIAN2,
        )
        for seed in seeds
    ]


def results_of(running):
    said = [each.communicate()[0] for each in running]
    assert [each.returncode for each in running] == [0] * len(running)
    return [json.loads(each.splitlines()[-1]) for each in said]


def of_thalia(name, folder, seed, condition=None, **changes):
    circuit = thalia.load(ROOT / "circuits" / f"{name}.yaml", condition=condition, set=changes)
    output = folder / f"{name}_{condition}_{seed}_{len(list(folder.iterdir()))}.h5"
    return thalia.run(circuit, seed=seed, output=output)


def agree(ours, theirs, least):
    """Whether means over seeds agree within four standard errors, and within a share at least."""
    ours, theirs = (np.array([list(each.values()) for each in side]) for side in (ours, theirs))
    error = np.sqrt((ours.var(axis=0, ddof=1) + theirs.var(axis=0, ddof=1)) / len(ours))
    print(ours.mean(axis=0), theirs.mean(axis=0), error)
    difference = np.abs(ours.mean(axis=0) - theirs.mean(axis=0))
    return bool((difference < np.maximum(4 * error, least * theirs.mean(axis=0))).all())


def late_rates(run, begin=0.2):
    """Rates in Hz after the beginning, in seconds."""
    return {
        name: float(
            (run.spikes[name].times > begin).sum() / run.spikes[name].size / (run.duration - begin)
        )
        for name in run.rates
    }


def rhythm(times):
    """Frequency in Hz with the greatest power between 10 and 150 Hz of spikes from 0.2 to 1 s, and its share."""
    counts = np.histogram(times, 800, (0.2, 1.0))[0]
    power = np.abs(np.fft.rfft((counts - counts.mean()) * np.hanning(800), 8000)) ** 2
    hertz = np.fft.rfftfreq(8000, 1e-3)
    band = (hertz >= 10) & (hertz <= 150)
    peak = hertz[band][np.argmax(power[band])]
    near = band & (np.abs(hertz - peak) <= 10)
    return peak, power[near].sum() / power[band].sum()


@pytest.mark.reference
def test_izhikevich_has_the_rates_of_brian2(tmp_path):
    """The published program is run beside it in test_izhikevich.py."""
    running = in_brian2("izhikevich", SEEDS)
    ours = [of_thalia("izhikevich", tmp_path, seed).rates for seed in SEEDS]

    assert agree(ours, results_of(running), 0.05)


@pytest.mark.reference
def test_coba_sustains_itself_at_the_rates_of_brian2(tmp_path):
    """Irregular firing, as Vogels & Abbott (2005) describe it; the rate differs by 10 % between seeds."""
    running = in_brian2("coba", range(8))
    runs = [of_thalia("coba", tmp_path, seed) for seed in range(8)]

    assert agree([late_rates(run) for run in runs], results_of(running), 0.03)
    assert runs[0].results["cv_isi"]["exc"] > 0.7


@pytest.mark.reference
def test_ping_has_a_gamma_rhythm_with_the_frequency_of_brian2(tmp_path):
    """Between 30 and 50 Hz, the band in which the published program has it; pyramidal cells skip cycles."""
    running = in_brian2("ping", SEEDS, tmp_path / "times_{seed}.npy")
    runs = [of_thalia("ping", tmp_path, seed) for seed in SEEDS]
    rhythms = [rhythm(run.spikes["fs"].times) for run in runs]
    ours = [
        late_rates(run) | {"hertz": hertz} for run, (hertz, _) in zip(runs, rhythms, strict=True)
    ]
    theirs = [
        rates | {"hertz": rhythm(np.load(tmp_path / f"times_{seed}.npy"))[0]}
        for seed, rates in zip(SEEDS, results_of(running), strict=True)
    ]

    assert agree(ours, theirs, 0.03)
    assert all(30 <= hertz <= 50 and share > 0.5 for hertz, share in rhythms)
    assert all(each["rs"] < 0.5 * each["hertz"] for each in ours)


@pytest.mark.reference
def test_song_has_weights_at_both_bounds_and_the_rate_of_brian2(tmp_path):
    """Additive STDP is bimodal (Song et al., figure 2): few weights are left between the bounds."""
    running = in_brian2("song", (1, 2), 20, 400)
    found = []
    for seed in (1, 2):
        run = of_thalia("song", tmp_path, seed)
        weights = run.weights["excitation"].w[-1] / 0.15
        late = late_rates(run, 0.8 * run.duration)["cell"]
        found.append(
            {"rate": late, "weak": np.mean(weights < 0.1), "strong": np.mean(weights > 0.9)}
        )
        assert np.mean((weights > 0.3) & (weights < 0.7)) < 0.2

    assert agree(found, results_of(running), 0.15)
    assert all(each["weak"] > 0.5 and each["strong"] > 0.1 for each in found)


@pytest.mark.reference
def test_song_learns_latencies(tmp_path):
    """Figure 4: early inputs become strong and late ones weak, and the response comes earlier and is shorter."""
    run = of_thalia("song", tmp_path, 1, condition="latency", duration="300 s")
    learned = run.weights["excitation"]
    by_latency = (learned.w[-1] / 0.15)[np.argsort(learned.delay)].reshape(10, 100).mean(axis=1)
    volley, since = np.divmod(run.spikes["cell"].times, 0.25)
    first = [since[volley == k].min() for k in np.unique(volley)]
    spikes = np.bincount(volley.astype(int))
    print(by_latency, np.mean(first[:20]), np.mean(first[-20:]), spikes[:20].mean(), spikes[-20:].mean())  # fmt: skip

    assert by_latency[0] > 0.9
    assert by_latency[5:].max() < 0.1
    assert np.mean(first[-20:]) < np.mean(first[:20]) - 1e-3
    assert spikes[-20:].mean() < 0.5 * spikes[:20].mean()


def field(weights):
    """Share of the sum that is within 35 inputs of the best of ten places, and the deviation there."""
    shifted = [np.roll(weights, 250 - 50 * k - 25)[215:286] for k in range(10)]
    best = max(shifted, key=np.sum)
    place = np.arange(-35, 36) + 0.5
    centre = np.average(place, weights=best)
    return best.sum() / weights.sum(), np.sqrt(np.average((place - centre) ** 2, weights=best))


@pytest.mark.reference
def test_the_receptive_field_is_one_place_with_the_profile_of_its_inputs(tmp_path):
    """Ten inputs wide (standard deviation), as the activity that it learned; in Brian2, too.

    Rates are not compared: in steps of 1 ms Brian2's exponential Euler adds a tenth to each input.
    """
    running = in_brian2("receptive_field", SEEDS)
    runs = [of_thalia("receptive_field", tmp_path, seed) for seed in SEEDS]
    ours = [field(run.weights["learn"].arriving[-1]) for run in runs]
    others = results_of(running)
    theirs = [field(np.array(each["weights"])) for each in others]
    print(ours, theirs, [late_rates(run, 100)["cell"] for run in runs], [e["rate"] for e in others])

    assert all(share > 0.65 for share, _ in (*ours, *theirs))
    assert [width for _, width in (*ours, *theirs)] == pytest.approx([11] * 6, abs=2)
