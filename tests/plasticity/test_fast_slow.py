"""Two components of a weight: a change fades, and a share of it stays."""

import numpy as np
import pytest

from thalia.simulation.pairing_protocols import outcome

PAIR = {"rule": "stdp_pair", "a_plus": 0.1, "a_minus": 0.1}


@pytest.mark.parametrize("transfer", [0, 0.3, 1])
def test_a_change_fades_exponentially_to_its_share(transfer):
    found = outcome(
        "fast_slow",
        [[100]],
        [[110]],
        settings={"tau_fast": "2 s", "transfer": transfer},
        before=[PAIR],
        every=100,
        tail=9000,
        backend="cpp",
    )

    change = 0.1 * np.exp(-0.5)
    since = found.times[2:] - 110
    expected = 0.5 + change * (transfer + (1 - transfer) * np.exp(-since / 2000))
    assert found.history[2:, 0] == pytest.approx(expected, rel=1e-4)


def test_repeated_changes_add_up_in_what_stays():
    pre = [100 + 500 * k for k in range(5)]
    found = outcome(
        "fast_slow", [pre], [[t + 10 for t in pre]], settings={"tau_fast": "0.5 s"}, before=[{**PAIR, "a_plus": 0.05, "a_minus": 0}],
        tail=9000, backend="cpp",
    )  # fmt: skip

    assert found.weight - 0.5 == pytest.approx([0.3 * 5 * 0.05 * np.exp(-0.5)], rel=2e-3)
