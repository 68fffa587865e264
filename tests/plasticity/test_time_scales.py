"""Eight components of a change, each of which fades more slowly than the one before."""

import numpy as np
import pytest

from thalia.simulation.pairing_protocols import outcome

PAIR = {"rule": "stdp_pair", "a_plus": 0.1, "a_minus": 0.1}
CHANGE = 0.1 * np.exp(-0.5)  # of a pair 10 ms apart, with a time constant of 20 ms


def faded(tail, **settings):
    """Times in ms since a change, and what is left of it, as a fraction."""
    found = outcome(
        "time_scales", [[100]], [[110]], settings={"tau_fast": "20 ms", **settings}, before=[PAIR],
        every=10, tail=tail, backend="runtime",
    )  # fmt: skip
    after = found.times > 110
    since = found.times[after] - 110 - 0.1  # a spike acts in the step after it
    return since, (found.history[after, 0] - 0.5) / CHANGE


@pytest.mark.parametrize(("ratio", "transfer"), [(4, 0.5), (4, 0), (3, 1)])
def test_a_change_fades_as_a_sum_of_exponentials(ratio, transfer):
    """Exactly, although the fastest time scale is only 200 steps long."""
    since, left = faded(600, ratio=ratio, transfer=transfer)

    shares = np.append((1 - transfer) * float(transfer) ** np.arange(7), float(transfer) ** 7)
    expected = np.exp(-since[:, None] / (20 * float(ratio) ** np.arange(8))) @ shares
    assert left == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_what_is_left_is_a_power_of_time():
    """Four times later transfer times as much is left: the exponent is ln 0.5 / ln 4 = -1/2."""
    since, left = faded(2100)

    early, later = (np.interp(each, since, left) for each in ([100, 200, 500], [400, 800, 2000]))
    assert later / early == pytest.approx(0.5, rel=0.05)
