"""Figures of parts of a run: what is shown is what was asked for, all of it, and what is cut is marked."""

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy import signal

import thalia
from tests.helpers import DRIVEN, thalia_here
from thalia.analysis import autocorrelation, pair_correlations, population_rate, spectral_density
from thalia.errors import CircuitError
from thalia.figures import spikes as rasters
from thalia.figures.view import View
from thalia.recording.results import Spikes


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    file = tmp_path_factory.mktemp("figures") / "run.h5"
    return thalia.run(thalia.loads(DRIVEN), output=file, backend="runtime")


def made_of(trains, duration, phases=()):
    """What figures need of a run, of spikes that are given: times and neurons by population, and its size."""
    spikes = {
        name: Spikes(times, neurons, size, name, duration)
        for name, (times, neurons, size) in trains.items()
    }
    return SimpleNamespace(
        file="made.h5",
        spikes=spikes,
        sizes={name: each.size for name, each in spikes.items()},
        duration=duration,
        phases=list(phases) or [("all", 0.0, duration)],
        attributes={"name": "made"},
        structure={"reference": None},
    )


def poisson(rate, size, duration, seed=1):
    random = np.random.default_rng(seed)
    times = np.sort(random.uniform(0, duration, random.poisson(rate * size * duration)))
    return times, random.integers(0, size, len(times)), size


def test_the_spectrum_is_that_of_scipy():
    rate = np.random.default_rng(2).poisson(3.0, 5000).astype(float)

    frequency, density = spectral_density(rate, 0.001, 0.5)

    expected = signal.welch(rate, 1000, "hann", 500, detrend="constant")
    np.testing.assert_allclose(frequency, expected[0])
    np.testing.assert_allclose(density, expected[1], rtol=1e-9)


def test_the_spectrum_of_independent_poisson_neurons_is_flat():
    """Twice the rate over the number of neurons, as it is one-sided."""
    times, _, size = poisson(5.0, 100, 400.0)
    rate = population_rate(times, size, 400.0, 0.001)

    _, density = spectral_density(rate, 0.001, 1.0)

    assert density[1:-1].mean() == pytest.approx(2 * 5.0 / 100, rel=0.02)


def test_a_rate_of_a_rhythm_is_correlated_with_itself_a_period_later():
    rate = 5 + np.cos(2 * np.pi * np.arange(4000) / 50)

    found = autocorrelation(rate, 100)

    assert found[[0, 25, 50]] == pytest.approx([1, -1, 1], abs=0.02)


def test_pairs_are_correlated_as_numpy_says():
    counts = np.random.default_rng(3).poisson(2.0, (4, 300)).astype(float)
    counts[3] = 7  # a neuron whose counts do not vary has no correlation

    expected = np.corrcoef(counts[:3])
    assert pair_correlations(counts) == pytest.approx(expected[[0, 0, 1], [1, 2, 2]])


def test_many_spikes_are_counted_in_pixels_and_none_is_lost():
    made = made_of({"e": poisson(2.0, 5000, 20.0), "few": poisson(9.0, 3, 20.0)}, 20.0)
    view = View.of(made, "5 s", 15)

    counts = rasters._counts(view, *view.spikes("e"), "e", 0.9)

    times = made.spikes["e"].times
    assert counts.sum() == np.count_nonzero((times >= 5) & (times < 15))
    assert counts.shape == (270, 600)


def test_a_population_of_few_neurons_stays_visible_among_many():
    bands = rasters.bands_of({"e": 80_000, "i": 20_000, "tiny": 20})

    assert bands["tiny"][1] > 0.05
    assert sum(height for _, height in bands.values()) == pytest.approx(1)


def test_no_band_is_lower_than_is_asked_and_the_others_share_what_is_left():
    sizes = {"first": 6000, "few": 2, "second": 3000, "half": 900, "one": 1}

    bands = rasters.bands_of(sizes, least=0.12)

    assert [height for _, height in bands.values()] == pytest.approx(
        [0.4267, 0.12, 0.2133, 0.12, 0.12], abs=1e-4
    )
    assert [top for top, _ in bands.values()] == pytest.approx(
        [0, 0.4267, 0.5467, 0.76, 0.88], abs=1e-4
    )


def texts_of(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


@pytest.mark.parametrize(
    ("places", "shown"),
    [
        ([0.2, 0.5, 0.8], [0.2, 0.5, 0.8]),
        ([0.2, 0.25, 0.26, 0.9], [0.2, 0.3, 0.4, 0.9]),
        ([0.5, 0.93, 0.99], [0.5, 0.85, 0.95]),
        ([0.001 * k for k in range(20)], [0.05 * k for k in range(20)]),
    ],
)
def test_names_of_populations_stand_apart(places, shown):
    assert rasters.apart(places, 0.1) == pytest.approx(shown)


def test_a_rate_beyond_the_axis_is_marked():
    steady, burst = poisson(5.0, 100, 20.0)[0], np.full(3000, 10.001)
    times = np.sort(np.concatenate([steady, burst]))
    neurons = np.arange(len(times)) % 100

    figure = thalia.figures.raster(made_of({"e": (times, neurons, 100)}, 20.0))

    assert [each for each in texts_of(figure) if each.startswith("axis cut: e reaches ")]


def test_a_part_shows_these_neurons_in_this_time(run):
    view = View.of(run, "20 ms", 0.06, "5:15", "e")
    times, places = view.spikes("e")

    everything = run.spikes["e"]
    inside = (everything.times >= 0.02) & (everything.times < 0.06)
    inside &= (everything.neurons >= 5) & (everything.neurons < 15)
    np.testing.assert_array_equal(times, everything.times[inside])
    np.testing.assert_array_equal(places, everything.neurons[inside] - 5)


PARTS = {
    "raster": ["--from", "20 ms", "--to", "0.1 s", "--neurons", "0:20", "--population", "e"],
    "rates": ["--from", "20 ms", "--neurons", "10", "--population", "e"],
    "weights": ["--neurons", "0:5", "--population", "i"],
    "traces": ["--from", "20 ms", "--neurons", "3", "--population", "e"],
    "isi": ["--neurons", "20", "--population", "e"],
    "correlation": ["--from", "20 ms", "--neurons", "20", "--population", "e"],
}


@pytest.mark.parametrize("kind", PARTS)
def test_every_figure_is_drawn_of_a_part(run, kind, tmp_path):
    done = thalia_here("plot", kind, run.file, "-o", "part.png", *PARTS[kind], folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "part.png").stat().st_size > 5_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["raster", "--from", "2 mV"], "--from: expected a time, found 2 mV (a voltage)"),
        (["raster", "--from", "2 s"], "expected times within the 0.12 s of the run"),
        (["raster", "--population", "x"], "--population: no population is called 'x'"),
        (["raster", "--neurons", "0:500"], "--neurons: e: '0:500' goes beyond the 100 neurons"),
        (["modulators", "--neurons", "3"], "the figure of modulators is not of neurons"),
        (["graph", "--from", "1 ms"], "a graph shows the whole circuit"),
        (["spectrum"], "a spectrum needs at least 0.2 s, found 0.12 s"),
        (["traces", "--population", "i"], "has no traces of these neurons"),
        (["spectra"], "no figure is called 'spectra'"),
    ],
    ids=lambda each: each if isinstance(each, str) else " ".join(each),
)  # fmt: skip
def test_a_part_that_is_not_there_is_refused_in_words(run, arguments, message, tmp_path):
    kind, *options = arguments

    done = thalia_here("plot", kind, run.file, *options, folder=tmp_path)

    assert done.returncode == 2
    assert message in done.stderr


def test_a_run_without_spikes_has_no_raster():
    with pytest.raises(CircuitError, match="has no spikes of "):
        thalia.figures.raster(SimpleNamespace(**{**vars(made_of({}, 1.0)), "sizes": {"e": 3}}))


@pytest.mark.parametrize("part", [lambda run: run.spikes["e"], lambda run: run.weights["learn"]])
def test_a_notebook_shows_spikes_and_weights_as_table_and_figure(run, part):
    page = part(run)._repr_html_()

    assert "<table>" in page
    assert '<img src="data:image/png;base64,' in page


def test_silence_is_shown_without_a_figure():
    none = Spikes(np.zeros(0), np.zeros(0, np.int64), 3, "e", 1.0)

    assert "<img" not in none._repr_html_()


def test_a_band_is_the_interval_of_students_t_around_the_mean():
    """Of 1, 2 and 3, by tables: 2 and 4.303 / sqrt(3) to either side; of equal values no width."""
    axes = Figure().subplots()

    thalia.figures.band(axes, np.arange(2.0), np.array([[1.0, 5], [2, 5], [3, 5]]), "C0", label="a")

    assert axes.lines[0].get_ydata().tolist() == [2, 5]
    edges = axes.collections[0].get_paths()[0].vertices
    at_zero, at_one = (sorted({*edges[edges[:, 0] == x, 1].round(3)}) for x in (0, 1))
    assert at_zero == pytest.approx([2 - 2.484, 2 + 2.484], abs=1e-3)
    assert at_one == [5]
