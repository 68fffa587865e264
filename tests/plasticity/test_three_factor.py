"""Three-factor learning: the window over the delay of dopamine, which no single exponential has."""

import pytest

from thalia.simulation.pairing_protocols import outcome


def single(rule, settings, delay):
    """The change for one pair and one short release of dopamine that comes some time after it, in ms."""
    signal = {
        "signal": {"kind": "first_order", "tau": "1 ms", "schedule": [{"at": f"{2010 + delay} ms"}]}
    }
    return (
        outcome(
            rule, [[2000]], [[2010]], settings=settings, modulators=signal, tail=9000, backend="cpp"
        ).weight[0]
        - 0.5
    )


@pytest.fixture(scope="module")
def published():
    delays = (-1000, 0, 200, 400, 494, 600, 800, 1000, 2000, 5000)
    return {delay: single("three_factor", {"a_plus": 0.1}, delay) for delay in delays}


def test_dopamine_before_the_pairing_does_nothing(published):
    assert published[-1000] == pytest.approx(0, abs=1e-12)


def test_the_window_peaks_between_0_4_and_1_s(published):
    assert 400 <= max(published, key=published.get) <= 1000


def test_dopamine_at_once_gives_at_most_a_fifth_of_the_peak(published):
    assert published[0] <= 0.2 * max(published.values())


def test_dopamine_after_2_s_gives_what_the_difference_of_exponentials_says(published):
    assert published[2000] / published[494] == pytest.approx(0.28, abs=0.01)


def test_dopamine_after_5_s_gives_next_to_nothing(published):
    assert published[5000] <= 0.05 * max(published.values())


def test_a_single_exponential_cannot_have_the_window():
    """The control: without a rise, dopamine at once is the most effective."""
    changes = {delay: single("dopamine_stdp", {"a_plus": 0.1}, delay) for delay in (0, 400, 600)}

    assert max(changes, key=changes.get) == 0
