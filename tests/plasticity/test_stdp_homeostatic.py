"""stdp_homeostatic drifts as the closed form says, and rests at the rate where that vanishes (Kempter et al. 2001)."""

import pytest

from thalia.simulation.pairing_protocols import protocol

FEWER_RATES = """
summary: The library's protocol at half of its rates.
source: chosen here
reproduces: nothing of its own; tests/plasticity/test_stdp_homeostatic.py
differs: fewer rates.
x_label: postsynaptic rate (Hz)
rates: [5, 10, 15, 35]
pre_rate: 10
settle: 3
seconds: 4
copies: 300
weight: 0.3
"""


@pytest.mark.slow
def test_the_drift_between_independent_trains(tmp_path):
    """<dw/dt> = rho_pre [(A+ tau+ - A- tau-) rho_post + eta (1 - rho_post / target)], zero at 13 Hz here."""
    a_plus, a_minus, tau, eta, target, rho_pre = 0.005, 0.0065, 0.02, 0.004, 15, 10
    settings = {
        "a_plus": a_plus,
        "a_minus": a_minus,
        "eta": eta,
        "target": f"{target} Hz",
        "tau_rate": "0.5 s",
    }

    (tmp_path / "rates.yaml").write_text(FEWER_RATES)
    (curve,) = protocol(
        "./rates.yaml", "stdp_homeostatic", folder=tmp_path, settings=settings
    ).curves

    expected = [
        rho_pre * ((a_plus - a_minus) * tau * rho + eta * (1 - rho / target)) for rho in curve.x
    ]
    # over six seeds the standard deviation is 0.0002 to 0.0011
    assert curve.change[:-1] == pytest.approx(expected[:-1], rel=0.05, abs=0.001)
    # at 35 Hz some weights reach zero, so that the mean falls by a twentieth less
    assert curve.change[-1] == pytest.approx(expected[-1], rel=0.1)
    assert curve.change[1] > 0 > curve.change[2]  # 10 Hz and 15 Hz
